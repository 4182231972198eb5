-- SQLite adds no constraints to a table that is there.
ALTER TABLE leaves RENAME TO old_leaves;
DROP INDEX leaves_user_id_idx;
CREATE TABLE leaves (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    leave_type TEXT NOT NULL CONSTRAINT leaves_leave_type_check
        CHECK (leave_type IN ('sick', 'annual', 'emergency', 'training', 'other')),
    other_reason TEXT,
    -- Both days are part of the leave.
    date_from DATE NOT NULL,
    date_to DATE NOT NULL,
    reason TEXT,
    scope TEXT NOT NULL CONSTRAINT leaves_scope_check CHECK (scope IN ('major_only', 'full')),
    status TEXT NOT NULL CONSTRAINT leaves_status_check
        CHECK (status IN ('pending', 'approved', 'rejected', 'cancelled')),
    ended_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    requested_by_id BIGINT REFERENCES users (id),
    decided_by_id BIGINT REFERENCES users (id),
    decided_at TIMESTAMP,
    rejection_reason TEXT,
    ended_by_id BIGINT REFERENCES users (id),
    coverage_user_id BIGINT REFERENCES users (id),
    -- The badge of the role that whoever covers was given for that time.
    coverage_badge TEXT,
    CONSTRAINT leaves_dates_check CHECK (date_from <= date_to),
    CONSTRAINT leaves_other_reason_check CHECK (leave_type <> 'other' OR other_reason IS NOT NULL),
    CONSTRAINT leaves_ended_check CHECK (ended_at IS NULL OR status = 'approved'),
    CONSTRAINT leaves_coverage_check
        CHECK (coverage_user_id IS NULL OR (status = 'approved' AND coverage_user_id <> user_id)),
    CONSTRAINT leaves_coverage_badge_check CHECK (coverage_badge IS NULL OR coverage_user_id IS NOT NULL)
);
INSERT INTO leaves (id, user_id, leave_type, other_reason, date_from, date_to, reason, scope, status, ended_at, created_at, updated_at)
SELECT id, user_id, leave_type, other_reason, date_from, date_to, reason, scope, status, ended_at, created_at, updated_at FROM old_leaves;
DROP TABLE old_leaves;
CREATE INDEX leaves_user_id_idx ON leaves (user_id, date_from, id);
CREATE INDEX leaves_status_idx ON leaves (status, id);
CREATE INDEX leaves_leave_type_idx ON leaves (leave_type, id);
CREATE INDEX leaves_date_from_idx ON leaves (date_from, id);
CREATE INDEX leaves_date_to_idx ON leaves (date_to, id);
CREATE INDEX leaves_open_idx ON leaves (date_to, id) WHERE status = 'approved' AND ended_at IS NULL;
CREATE INDEX leaves_coverage_user_id_idx ON leaves (coverage_user_id) WHERE coverage_user_id IS NOT NULL;
CREATE INDEX leaves_requested_by_id_idx ON leaves (requested_by_id);
CREATE INDEX leaves_decided_by_id_idx ON leaves (decided_by_id);
CREATE INDEX leaves_ended_by_id_idx ON leaves (ended_by_id);
CREATE TRIGGER leaves_no_overlap_insert BEFORE INSERT ON leaves
WHEN NEW.status = 'pending' OR (NEW.status = 'approved' AND NEW.ended_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'leaves_no_overlap') WHERE EXISTS (
        SELECT 1 FROM leaves AS other
        WHERE other.user_id = NEW.user_id
            AND other.date_from <= NEW.date_to AND NEW.date_from <= other.date_to
            AND (other.status = 'pending' OR (other.status = 'approved' AND other.ended_at IS NULL))
    );
END;
CREATE TRIGGER leaves_no_overlap_update BEFORE UPDATE ON leaves
WHEN NEW.status = 'pending' OR (NEW.status = 'approved' AND NEW.ended_at IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'leaves_no_overlap') WHERE EXISTS (
        SELECT 1 FROM leaves AS other
        WHERE other.user_id = NEW.user_id AND other.id <> NEW.id
            AND other.date_from <= NEW.date_to AND NEW.date_from <= other.date_to
            AND (other.status = 'pending' OR (other.status = 'approved' AND other.ended_at IS NULL))
    );
END;
