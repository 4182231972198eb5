DROP INDEX inspection_answers_photo_file_id_idx;
ALTER TABLE inspection_answers DROP COLUMN photo_file_id;
DROP TABLE evidence;
DROP TABLE files;
