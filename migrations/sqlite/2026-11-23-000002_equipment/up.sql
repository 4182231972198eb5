CREATE TABLE equipment (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_ar TEXT,
    equipment_type TEXT NOT NULL,
    equipment_type_ar TEXT,
    serial_number TEXT NOT NULL CONSTRAINT equipment_serial_number_key UNIQUE,
    location TEXT,
    location_ar TEXT,
    berth TEXT,
    home_berth TEXT,
    status TEXT NOT NULL CONSTRAINT equipment_status_check CHECK (status IN ('active', 'under_maintenance', 'out_of_service', 'stopped', 'paused')),
    assigned_technician_id BIGINT REFERENCES users (id),
    manufacturer TEXT,
    model_number TEXT,
    installation_date DATE,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX equipment_name_idx ON equipment (name, id);
CREATE INDEX equipment_type_idx ON equipment (equipment_type, name, id);
CREATE INDEX equipment_status_idx ON equipment (status, name, id);
CREATE INDEX equipment_berth_idx ON equipment (berth, id);
CREATE INDEX equipment_assigned_technician_id_idx ON equipment (assigned_technician_id);
CREATE INDEX equipment_created_at_idx ON equipment (created_at, id);

CREATE TABLE equipment_status_changes (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    equipment_id BIGINT NOT NULL REFERENCES equipment (id),
    from_status TEXT CONSTRAINT equipment_status_changes_from_check CHECK (from_status IN ('active', 'under_maintenance', 'out_of_service', 'stopped', 'paused')),
    to_status TEXT NOT NULL CONSTRAINT equipment_status_changes_to_check CHECK (to_status IN ('active', 'under_maintenance', 'out_of_service', 'stopped', 'paused')),
    changed_by_id BIGINT REFERENCES users (id),
    changed_at TIMESTAMP NOT NULL,
    CONSTRAINT equipment_status_changes_differ_check CHECK (from_status <> to_status)
);
CREATE INDEX equipment_status_changes_equipment_id_idx ON equipment_status_changes (equipment_id, changed_at, id);
CREATE INDEX equipment_status_changes_changed_by_id_idx ON equipment_status_changes (changed_by_id);
