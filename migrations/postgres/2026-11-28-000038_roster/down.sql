DROP TABLE roster_entries;
ALTER TABLE leaves DROP COLUMN half_day;
