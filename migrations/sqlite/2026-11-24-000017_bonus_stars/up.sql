CREATE TABLE bonus_stars (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    -- Who gets them.
    user_id BIGINT NOT NULL REFERENCES users (id),
    -- How many were given, or are asked for.
    amount BIGINT NOT NULL CONSTRAINT bonus_stars_amount_check CHECK (amount BETWEEN 1 AND 10),
    requested_amount BIGINT CONSTRAINT bonus_stars_requested_amount_check CHECK (requested_amount BETWEEN 1 AND 10),
    reason TEXT NOT NULL,
    related_job_type TEXT CONSTRAINT bonus_stars_related_job_type_check
        CHECK (related_job_type IN ('specialist', 'engineer')),
    related_job_id BIGINT REFERENCES jobs (id),
    status TEXT NOT NULL CONSTRAINT bonus_stars_status_check
        CHECK (status IN ('pending', 'approved', 'modified', 'denied')),
    requested_by_id BIGINT REFERENCES users (id),
    -- Who gave them, or decided on the request.
    decided_by_id BIGINT REFERENCES users (id),
    decided_at TIMESTAMP,
    deny_reason TEXT,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT bonus_stars_related_check CHECK ((related_job_type IS NULL) = (related_job_id IS NULL)),
    CONSTRAINT bonus_stars_request_check CHECK ((requested_by_id IS NULL) = (requested_amount IS NULL)),
    CONSTRAINT bonus_stars_decided_check
        CHECK ((status = 'pending') = (decided_at IS NULL) AND (decided_at IS NULL) = (decided_by_id IS NULL)),
    CONSTRAINT bonus_stars_pending_check CHECK (status <> 'pending' OR requested_by_id IS NOT NULL),
    CONSTRAINT bonus_stars_modified_check CHECK (status <> 'modified' OR amount <> requested_amount),
    -- Nobody awards themself.
    CONSTRAINT bonus_stars_other_check
        CHECK (user_id <> requested_by_id AND (status = 'denied' OR user_id <> decided_by_id))
);
CREATE INDEX bonus_stars_user_id_idx ON bonus_stars (user_id, id);
CREATE INDEX bonus_stars_requested_by_id_idx ON bonus_stars (requested_by_id, id);
CREATE INDEX bonus_stars_decided_by_id_idx ON bonus_stars (decided_by_id, id);
CREATE INDEX bonus_stars_status_idx ON bonus_stars (status, id);
CREATE INDEX bonus_stars_related_job_id_idx ON bonus_stars (related_job_id);
