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
    CONSTRAINT leaves_dates_check CHECK (date_from <= date_to),
    CONSTRAINT leaves_other_reason_check CHECK (leave_type <> 'other' OR other_reason IS NOT NULL),
    CONSTRAINT leaves_ended_check CHECK (ended_at IS NULL OR status = 'approved')
);
CREATE INDEX leaves_user_id_idx ON leaves (user_id, date_from, id);
