CREATE TABLE inspection_routines (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_ar TEXT,
    shift TEXT NOT NULL CONSTRAINT inspection_routines_shift_check CHECK (shift IN ('day', 'night')),
    -- Seven bits, the lowest for Monday.
    days_of_week INTEGER NOT NULL CONSTRAINT inspection_routines_days_check CHECK (days_of_week BETWEEN 0 AND 127),
    template_id BIGINT NOT NULL REFERENCES checklist_templates (id),
    is_active BOOLEAN NOT NULL,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX inspection_routines_name_idx ON inspection_routines (name, id);
CREATE INDEX inspection_routines_shift_idx ON inspection_routines (shift, id);
CREATE INDEX inspection_routines_is_active_idx ON inspection_routines (is_active, id);
CREATE INDEX inspection_routines_template_id_idx ON inspection_routines (template_id, id);

-- The types of equipment that a routine is for.
CREATE TABLE routine_asset_types (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    routine_id BIGINT NOT NULL REFERENCES inspection_routines (id),
    equipment_type TEXT NOT NULL,
    CONSTRAINT routine_asset_types_type_key UNIQUE (routine_id, equipment_type)
);
CREATE INDEX routine_asset_types_equipment_type_idx ON routine_asset_types (equipment_type, routine_id);
