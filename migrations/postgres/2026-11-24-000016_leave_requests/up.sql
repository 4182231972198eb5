ALTER TABLE leaves
    ADD COLUMN requested_by_id BIGINT REFERENCES users (id),
    ADD COLUMN decided_by_id BIGINT REFERENCES users (id),
    ADD COLUMN decided_at TIMESTAMPTZ,
    ADD COLUMN rejection_reason TEXT,
    ADD COLUMN ended_by_id BIGINT REFERENCES users (id),
    ADD COLUMN coverage_user_id BIGINT REFERENCES users (id),
    -- The badge of the role that whoever covers was given for that time.
    ADD COLUMN coverage_badge TEXT,
    ADD CONSTRAINT leaves_coverage_check
        CHECK (coverage_user_id IS NULL OR (status = 'approved' AND coverage_user_id <> user_id)),
    ADD CONSTRAINT leaves_coverage_badge_check CHECK (coverage_badge IS NULL OR coverage_user_id IS NOT NULL),
    -- A range of one number stands for it, since plain numbers would need an extension.
    ADD CONSTRAINT leaves_no_overlap EXCLUDE USING gist (
        int8range(user_id, user_id, '[]') WITH &&,
        daterange(date_from, date_to, '[]') WITH &&
    ) WHERE (status = 'pending' OR (status = 'approved' AND ended_at IS NULL));
CREATE INDEX leaves_status_idx ON leaves (status, id);
CREATE INDEX leaves_leave_type_idx ON leaves (leave_type, id);
CREATE INDEX leaves_date_from_idx ON leaves (date_from, id);
CREATE INDEX leaves_date_to_idx ON leaves (date_to, id);
CREATE INDEX leaves_open_idx ON leaves (date_to, id) WHERE status = 'approved' AND ended_at IS NULL;
CREATE INDEX leaves_coverage_user_id_idx ON leaves (coverage_user_id) WHERE coverage_user_id IS NOT NULL;
CREATE INDEX leaves_requested_by_id_idx ON leaves (requested_by_id);
CREATE INDEX leaves_decided_by_id_idx ON leaves (decided_by_id);
CREATE INDEX leaves_ended_by_id_idx ON leaves (ended_by_id);
