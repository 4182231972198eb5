-- The recurrence is JSON; NULL stands for every week.
ALTER TABLE inspection_routines ADD COLUMN recurrence TEXT;
ALTER TABLE inspection_routines ADD COLUMN starts_on DATE;
ALTER TABLE inspection_routines ADD COLUMN on_holiday TEXT NOT NULL DEFAULT 'run'
    CONSTRAINT inspection_routines_on_holiday_check CHECK (on_holiday IN ('run', 'skip', 'postpone'));

-- Days on which routines may rest.
CREATE TABLE holidays (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    date DATE NOT NULL,
    name TEXT NOT NULL,
    name_ar TEXT,
    created_by_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT holidays_date_key UNIQUE (date)
);
CREATE INDEX holidays_created_by_id_idx ON holidays (created_by_id);
