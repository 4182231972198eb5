-- The first item of the line of copies of a question; none if it is the item itself.
ALTER TABLE checklist_items ADD COLUMN lineage_id BIGINT;
-- Copies from before are known by type of equipment, position, text and type of the answer.
UPDATE checklist_items SET lineage_id = (
    SELECT MIN(first.id)
    FROM checklist_items first
    JOIN checklist_templates of_first ON of_first.id = first.template_id
    JOIN checklist_templates own ON own.id = checklist_items.template_id
    WHERE of_first.equipment_type = own.equipment_type
        AND first.order_index = checklist_items.order_index
        AND first.question_text = checklist_items.question_text
        AND first.answer_type = checklist_items.answer_type
        AND first.id < checklist_items.id
);

-- The lineage of the failed question; none if the defect was reported without an inspection.
ALTER TABLE defects ADD COLUMN lineage BIGINT;
ALTER TABLE defects ADD COLUMN recurrence_of_id BIGINT REFERENCES defects (id);
ALTER TABLE defects ADD COLUMN occurrence_count BIGINT NOT NULL DEFAULT 1;
UPDATE defects SET lineage = (
    SELECT COALESCE(lineage_id, id) FROM checklist_items WHERE checklist_items.id = checklist_item_id
);

-- The findings of a defect.
CREATE TABLE defect_occurrences (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    defect_id BIGINT NOT NULL REFERENCES defects (id),
    inspection_id BIGINT REFERENCES inspections (id),
    checklist_item_id BIGINT REFERENCES checklist_items (id),
    found_by_id BIGINT NOT NULL REFERENCES users (id),
    found_at TIMESTAMP NOT NULL,
    CONSTRAINT defect_occurrences_answer_key UNIQUE (inspection_id, checklist_item_id),
    CONSTRAINT defect_occurrences_origin_check
        CHECK ((inspection_id IS NULL) = (checklist_item_id IS NULL))
);
CREATE INDEX defect_occurrences_defect_id_idx ON defect_occurrences (defect_id, id);
CREATE INDEX defect_occurrences_checklist_item_id_idx ON defect_occurrences (checklist_item_id);
CREATE INDEX defect_occurrences_found_by_id_idx ON defect_occurrences (found_by_id);
INSERT INTO defect_occurrences (defect_id, inspection_id, checklist_item_id, found_by_id, found_at)
    SELECT id, inspection_id, checklist_item_id, reported_by_id, created_at FROM defects ORDER BY id;

-- Several unresolved defects of one machine and question: the oldest one with a live repair, or
-- else the oldest one, continues. One that has a live repair of its own stays apart, without a
-- lineage.
CREATE TABLE joined_defects AS
    SELECT id, is_live, first_id, status FROM (
        SELECT id, status, is_live, FIRST_VALUE(id)
            OVER (PARTITION BY equipment_id, lineage ORDER BY is_live DESC, id) AS first_id
        FROM (
            SELECT id, status, equipment_id, lineage, CASE WHEN EXISTS (
                SELECT 1 FROM jobs WHERE jobs.defect_id = defects.id AND kind = 'specialist'
                    AND jobs.status IN ('assigned', 'in_progress', 'paused')
            ) THEN 1 ELSE 0 END AS is_live
            FROM defects
            WHERE status IN ('open', 'in_progress') AND lineage IS NOT NULL
        ) unresolved
    ) ranked
    WHERE id <> first_id;
UPDATE defects SET lineage = NULL WHERE id IN (SELECT id FROM joined_defects WHERE is_live = 1);
DELETE FROM joined_defects WHERE is_live = 1;
CREATE INDEX joined_defects_id_idx ON joined_defects (id);
CREATE TABLE joined_totals AS
    SELECT first_id, COUNT(*) AS number, MAX(severity_rank) AS severity_rank, MIN(due_date) AS due_date,
        MAX(CASE priority WHEN 'urgent' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 ELSE 1 END)
            AS priority_rank
    FROM joined_defects JOIN defects ON defects.id = joined_defects.id
    GROUP BY first_id;
CREATE UNIQUE INDEX joined_totals_first_id_idx ON joined_totals (first_id);
-- The trail says what happened to each of them.
INSERT INTO audit_entries (at, action, entity_type, entity_id, changes)
    SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'close', 'defect', id,
        '{"status":{"old":"' || status || '","new":"closed"},"joined_with":{"old":null,"new":' || first_id || '}}'
    FROM joined_defects ORDER BY id;
INSERT INTO audit_entries (at, action, entity_type, entity_id, changes)
    SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'update', 'defect', first_id,
        '{"occurrence_count":{"old":1,"new":' || (COUNT(*) + 1) || '}}'
    FROM joined_defects GROUP BY first_id ORDER BY first_id;
INSERT INTO audit_entries (at, action, entity_type, entity_id, changes)
    SELECT strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), 'update', kind || '_job', jobs.id,
        '{"defect_id":{"old":' || defect_id || ',"new":' || first_id || '}}'
    FROM jobs JOIN joined_defects ON joined_defects.id = defect_id ORDER BY jobs.id;
-- The defect that continues has the highest severity and priority, the closest due date, and all
-- findings and repairs.
UPDATE defects SET
    occurrence_count = 1 + (SELECT number FROM joined_totals WHERE first_id = defects.id),
    severity = (SELECT CASE WHEN joined_totals.severity_rank <= defects.severity_rank THEN severity
            WHEN joined_totals.severity_rank = 4 THEN 'critical' WHEN joined_totals.severity_rank = 3 THEN 'high'
            ELSE 'medium' END
        FROM joined_totals WHERE first_id = defects.id),
    priority = (SELECT CASE
            WHEN priority_rank <= CASE priority WHEN 'urgent' THEN 4 WHEN 'high' THEN 3 WHEN 'medium' THEN 2 ELSE 1 END
                THEN priority
            WHEN priority_rank = 4 THEN 'urgent' WHEN priority_rank = 3 THEN 'high' ELSE 'medium' END
        FROM joined_totals WHERE first_id = defects.id),
    due_date = (SELECT CASE WHEN joined_totals.due_date < defects.due_date THEN joined_totals.due_date
            ELSE defects.due_date END
        FROM joined_totals WHERE first_id = defects.id),
    updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now')
    WHERE id IN (SELECT first_id FROM joined_totals);
UPDATE defect_occurrences
    SET defect_id = (SELECT first_id FROM joined_defects WHERE joined_defects.id = defect_id)
    WHERE defect_id IN (SELECT id FROM joined_defects);
UPDATE jobs SET updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    defect_id = (SELECT first_id FROM joined_defects WHERE joined_defects.id = defect_id)
    WHERE defect_id IN (SELECT id FROM joined_defects);
UPDATE defects SET lineage = NULL, status = 'closed', resolved_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'), updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    resolution_notes = 'Joined with defect '
        || (SELECT first_id FROM joined_defects WHERE joined_defects.id = defects.id)
        || ': the same question of the same machine.'
    WHERE id IN (SELECT id FROM joined_defects);
-- Phones learn of it.
DELETE FROM changes WHERE entity_type = 'defect'
    AND (entity_id IN (SELECT id FROM joined_defects) OR entity_id IN (SELECT first_id FROM joined_defects));
INSERT INTO changes (user_id, entity_type, entity_id, changed_at)
    SELECT assigned_to_id, 'defect', id, updated_at FROM defects
    WHERE assigned_to_id IS NOT NULL
        AND (id IN (SELECT id FROM joined_defects) OR id IN (SELECT first_id FROM joined_defects))
    ORDER BY id;
DROP TABLE joined_totals;
DROP TABLE joined_defects;

CREATE INDEX defects_lineage_idx ON defects (equipment_id, lineage, id);
CREATE INDEX defects_recurrence_of_id_idx ON defects (recurrence_of_id);
-- One unresolved defect of a machine and a question.
CREATE UNIQUE INDEX defects_one_unresolved_key ON defects (equipment_id, lineage)
    WHERE status IN ('open', 'in_progress');
