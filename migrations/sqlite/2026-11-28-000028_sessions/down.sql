-- The generation of earlier programs: their tokens don't become valid again.
ALTER TABLE users ADD COLUMN session_generation BIGINT NOT NULL DEFAULT 1000000;
CREATE TABLE revoked_tokens (
    jti TEXT NOT NULL CONSTRAINT revoked_tokens_pkey PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX revoked_tokens_user_id_idx ON revoked_tokens (user_id);
CREATE INDEX revoked_tokens_expires_at_idx ON revoked_tokens (expires_at);

DROP TABLE sessions;
