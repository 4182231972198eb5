-- What people did offline, and what became of it: each name of a person's items stands for one thing, done once.
CREATE TABLE sync_items (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    client_id TEXT NOT NULL,
    entity_type TEXT NOT NULL,
    -- JSON documents, also the result and the error.
    entity_data TEXT NOT NULL,
    occurred_at TIMESTAMP,
    outcome TEXT NOT NULL CONSTRAINT sync_items_outcome_check CHECK (outcome IN ('applied', 'rejected')),
    entity_id BIGINT,
    result TEXT,
    sync_error TEXT,
    content_hash TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT sync_items_client_id_key UNIQUE (user_id, client_id),
    CONSTRAINT sync_items_result_check CHECK (
        (outcome = 'applied') = (entity_id IS NOT NULL)
        AND (outcome = 'applied') = (result IS NOT NULL)
        AND (outcome = 'rejected') = (sync_error IS NOT NULL)
    )
);
CREATE INDEX sync_items_rejected_idx ON sync_items (user_id, id) WHERE outcome = 'rejected';
