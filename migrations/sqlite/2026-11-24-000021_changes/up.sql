-- What has changed for whom: the latest change of each object, numbered in the order of the commits.
CREATE TABLE changes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    entity_type TEXT NOT NULL CONSTRAINT changes_entity_type_check
        CHECK (entity_type IN ('assignment', 'inspection', 'job', 'defect', 'notification')),
    entity_id BIGINT NOT NULL,
    changed_at TIMESTAMP NOT NULL,
    CONSTRAINT changes_entity_key UNIQUE (user_id, entity_type, entity_id)
);
-- What there is already has changed once.
INSERT INTO changes (user_id, entity_type, entity_id, changed_at)
    SELECT mechanical_inspector_id, 'assignment', id, updated_at FROM inspection_assignments
    WHERE mechanical_inspector_id IS NOT NULL
    UNION SELECT electrical_inspector_id, 'assignment', id, updated_at FROM inspection_assignments
    WHERE electrical_inspector_id IS NOT NULL
    ORDER BY 4;
INSERT INTO changes (user_id, entity_type, entity_id, changed_at)
    SELECT technician_id, 'inspection', id, updated_at FROM inspections ORDER BY updated_at, id;
INSERT INTO changes (user_id, entity_type, entity_id, changed_at)
    SELECT owner_id, 'job', id, updated_at FROM jobs ORDER BY updated_at, id;
INSERT INTO changes (user_id, entity_type, entity_id, changed_at)
    SELECT assigned_to_id, 'defect', id, updated_at FROM defects WHERE assigned_to_id IS NOT NULL ORDER BY updated_at, id;
INSERT INTO changes (user_id, entity_type, entity_id, changed_at)
    SELECT user_id, 'notification', id, created_at FROM notifications ORDER BY id;
CREATE INDEX changes_user_id_idx ON changes (user_id, id);
