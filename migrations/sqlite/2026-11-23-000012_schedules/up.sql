CREATE TABLE equipment_schedules (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    equipment_id BIGINT NOT NULL REFERENCES equipment (id),
    -- 0 is Monday.
    day_of_week INTEGER NOT NULL CONSTRAINT equipment_schedules_day_check CHECK (day_of_week BETWEEN 0 AND 6),
    created_by_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT equipment_schedules_day_key UNIQUE (equipment_id, day_of_week)
);
CREATE INDEX equipment_schedules_day_of_week_idx ON equipment_schedules (day_of_week, equipment_id);
CREATE INDEX equipment_schedules_created_by_id_idx ON equipment_schedules (created_by_id);
