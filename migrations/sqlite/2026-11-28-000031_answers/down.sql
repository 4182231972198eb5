DROP INDEX inspections_one_half_draft_key;
DROP INDEX inspections_one_draft_key;
CREATE UNIQUE INDEX inspections_one_draft_key ON inspections (technician_id, equipment_id) WHERE status = 'draft';
ALTER TABLE inspections DROP COLUMN warnings;
ALTER TABLE inspections DROP COLUMN is_detached;
DROP INDEX inspections_partner_id_idx;
ALTER TABLE inspections DROP COLUMN partner_id;
DROP INDEX inspections_revision_id_idx;
ALTER TABLE inspections DROP COLUMN revision_id;
ALTER TABLE inspection_answers DROP COLUMN photo_file_ids;
DROP TABLE checklist_revisions;
ALTER TABLE checklist_items DROP COLUMN removed_at;
ALTER TABLE checklist_items DROP COLUMN show_if;
ALTER TABLE checklist_items DROP COLUMN requires_comment_on_fail;
ALTER TABLE checklist_items DROP COLUMN allow_na;
ALTER TABLE checklist_items DROP COLUMN fails_on;
ALTER TABLE checklist_items DROP COLUMN choices;
ALTER TABLE checklist_items DROP COLUMN warning;
ALTER TABLE checklist_items DROP COLUMN unit;
PRAGMA writable_schema = ON;
UPDATE sqlite_master
SET sql = replace(sql, '''numeric'', ''text'', ''date'', ''photo'', ''choice'')', '''numeric'', ''text'')')
WHERE type = 'table' AND name = 'checklist_items';
PRAGMA writable_schema = RESET;
