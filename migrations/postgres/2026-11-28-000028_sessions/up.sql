-- Sessions. Tokens name theirs, so those that were issued before end here.
CREATE TABLE sessions (
    id TEXT NOT NULL CONSTRAINT sessions_pkey PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    created_at TIMESTAMPTZ NOT NULL,
    last_used_at TIMESTAMPTZ NOT NULL,
    -- The end, unless the session is refreshed before.
    expires_at TIMESTAMPTZ NOT NULL,
    -- The number of the valid refresh token.
    refreshes BIGINT NOT NULL CONSTRAINT sessions_refreshes_check CHECK (refreshes >= 0),
    address TEXT,
    user_agent TEXT,
    ended_at TIMESTAMPTZ,
    end_reason TEXT CONSTRAINT sessions_end_reason_check CHECK (
        end_reason IN ('logout', 'removed', 'logout_all', 'new_password', 'deactivated', 'token_reused')
    ),
    CONSTRAINT sessions_end_check CHECK ((ended_at IS NULL) = (end_reason IS NULL))
);
CREATE INDEX sessions_user_id_idx ON sessions (user_id, last_used_at, id);
CREATE INDEX sessions_expires_at_idx ON sessions (expires_at);

DROP TABLE revoked_tokens;
ALTER TABLE users DROP COLUMN session_generation;
