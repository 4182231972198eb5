-- Grows only. No reference to users: the trail outlives everything it tells of.
CREATE TABLE audit_entries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    at TIMESTAMP NOT NULL,
    actor_id BIGINT,
    action TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    entity_id BIGINT,
    address TEXT,
    request_id TEXT,
    changes TEXT NOT NULL
);
CREATE INDEX audit_entries_at_idx ON audit_entries (at, id);
CREATE INDEX audit_entries_actor_id_idx ON audit_entries (actor_id, id);
CREATE INDEX audit_entries_action_idx ON audit_entries (action, id);
CREATE INDEX audit_entries_entity_idx ON audit_entries (entity_type, entity_id, id);
