-- Options of a question, and further types of answers.
-- The types stand in a check of the table. A new table would lose the references to it, so its text
-- is changed; every row meets the wider check.
PRAGMA writable_schema = ON;
UPDATE sqlite_master
SET sql = replace(sql, '''numeric'', ''text'')', '''numeric'', ''text'', ''date'', ''photo'', ''choice'')')
WHERE type = 'table' AND name = 'checklist_items';
PRAGMA writable_schema = RESET;
ALTER TABLE checklist_items ADD COLUMN unit TEXT;
ALTER TABLE checklist_items ADD COLUMN warning TEXT;
ALTER TABLE checklist_items ADD COLUMN choices TEXT;
ALTER TABLE checklist_items ADD COLUMN fails_on TEXT
    CONSTRAINT checklist_items_fails_on_check CHECK (fails_on IN ('yes', 'no'));
ALTER TABLE checklist_items ADD COLUMN allow_na BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE checklist_items ADD COLUMN requires_comment_on_fail BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE checklist_items ADD COLUMN show_if TEXT;
-- A removed question stays while an inspection may have asked it.
ALTER TABLE checklist_items ADD COLUMN removed_at TIMESTAMP;
UPDATE checklist_items SET fails_on = 'no' WHERE answer_type = 'yes_no';

-- The questions of drafts that were started before a change of the checklist.
CREATE TABLE checklist_revisions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    template_id BIGINT NOT NULL REFERENCES checklist_templates (id),
    questions TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX checklist_revisions_template_id_idx ON checklist_revisions (template_id);

-- All photos of an answer; `photo_file_id` is the first one.
ALTER TABLE inspection_answers ADD COLUMN photo_file_ids TEXT NOT NULL DEFAULT '[]';
UPDATE inspection_answers SET photo_file_ids = '[' || photo_file_id || ']' WHERE photo_file_id IS NOT NULL;

-- None: the present questions of the checklist.
ALTER TABLE inspections ADD COLUMN revision_id BIGINT REFERENCES checklist_revisions (id);
CREATE INDEX inspections_revision_id_idx ON inspections (revision_id);
-- The inspector of the other half, who reads this one.
ALTER TABLE inspections ADD COLUMN partner_id BIGINT REFERENCES users (id);
CREATE INDEX inspections_partner_id_idx ON inspections (partner_id, id);
UPDATE inspections SET partner_id = CASE category
    WHEN 'mechanical' THEN a.electrical_inspector_id ELSE a.mechanical_inspector_id END
FROM inspection_assignments a WHERE a.id = inspections.assignment_id;
-- A draft that a takeover has detached from its assignment.
ALTER TABLE inspections ADD COLUMN is_detached BOOLEAN NOT NULL DEFAULT false;
-- The number of answers outside their warning range.
ALTER TABLE inspections ADD COLUMN warnings BIGINT NOT NULL DEFAULT 0;

-- One draft for each assignment, and one without an assignment: neither blocks the other.
DROP INDEX inspections_one_draft_key;
CREATE UNIQUE INDEX inspections_one_draft_key ON inspections (technician_id, equipment_id)
    WHERE status = 'draft' AND assignment_id IS NULL AND NOT is_detached;
CREATE UNIQUE INDEX inspections_one_half_draft_key ON inspections (technician_id, assignment_id)
    WHERE status = 'draft';
