-- The half of a leave of a single day; none if the leave is of whole days.
ALTER TABLE leaves ADD COLUMN half_day TEXT CONSTRAINT leaves_half_day_check
    CHECK (half_day IS NULL OR (half_day IN ('am', 'pm') AND date_from = date_to));

-- The shift of a person on a date, in place of the regular one.
CREATE TABLE roster_entries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    date DATE NOT NULL,
    shift TEXT NOT NULL CONSTRAINT roster_entries_shift_check CHECK (shift IN ('day', 'night', 'off')),
    set_by_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT roster_entries_user_id_date_key UNIQUE (user_id, date)
);
CREATE INDEX roster_entries_date_idx ON roster_entries (date, id);
CREATE INDEX roster_entries_user_id_idx ON roster_entries (user_id, date, id);
CREATE INDEX roster_entries_set_by_id_idx ON roster_entries (set_by_id);
