-- A key is the first row of a transaction. With a reference it would lock the row of its user
-- before the rows that units of work lock first, and two of them could wait for each other.
ALTER TABLE idempotency_keys RENAME TO earlier_idempotency_keys;
CREATE TABLE idempotency_keys (
    user_id BIGINT NOT NULL,
    key TEXT NOT NULL,
    -- Method and path.
    operation TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    -- 0 inside the transaction that handles the request.
    status INTEGER NOT NULL,
    body TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (user_id, key)
);
INSERT INTO idempotency_keys (user_id, key, operation, fingerprint, status, body, created_at)
SELECT user_id, key, operation, fingerprint, status, body, created_at FROM earlier_idempotency_keys;
DROP TABLE earlier_idempotency_keys;
CREATE INDEX idempotency_keys_created_at_idx ON idempotency_keys (created_at);
