CREATE TABLE defects (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    inspection_id BIGINT NOT NULL REFERENCES inspections (id),
    checklist_item_id BIGINT NOT NULL REFERENCES checklist_items (id),
    equipment_id BIGINT NOT NULL REFERENCES equipment (id),
    category TEXT CONSTRAINT defects_category_check CHECK (category IN ('mechanical', 'electrical')),
    severity TEXT NOT NULL CONSTRAINT defects_severity_check CHECK (severity IN ('low', 'medium', 'high', 'critical')),
    severity_rank INTEGER NOT NULL GENERATED ALWAYS AS (
        CASE severity WHEN 'low' THEN 1 WHEN 'medium' THEN 2 WHEN 'high' THEN 3 ELSE 4 END
    ) STORED,
    priority TEXT NOT NULL CONSTRAINT defects_priority_check CHECK (priority IN ('low', 'medium', 'high', 'urgent')),
    description TEXT NOT NULL,
    description_ar TEXT,
    status TEXT NOT NULL
        CONSTRAINT defects_status_check CHECK (status IN ('open', 'in_progress', 'resolved', 'closed', 'false_alarm')),
    assessment_status TEXT NOT NULL
        CONSTRAINT defects_assessment_status_check CHECK (assessment_status IN ('pending', 'confirmed', 'minor', 'rejected')),
    assigned_to_id BIGINT REFERENCES users (id),
    due_date DATE NOT NULL,
    sla_days INTEGER NOT NULL CONSTRAINT defects_sla_days_check CHECK (sla_days > 0),
    resolved_at TIMESTAMP,
    resolved_by_id BIGINT REFERENCES users (id),
    resolution_notes TEXT,
    work_order_id TEXT,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT defects_answer_key UNIQUE (inspection_id, checklist_item_id),
    CONSTRAINT defects_resolved_check CHECK (
        (status IN ('resolved', 'closed')) = (resolved_at IS NOT NULL)
        AND (status IN ('resolved', 'closed')) = (resolution_notes IS NOT NULL)
    )
);
CREATE INDEX defects_due_date_idx ON defects (due_date, severity_rank DESC, id);
CREATE INDEX defects_status_idx ON defects (status, due_date, severity_rank DESC, id);
CREATE INDEX defects_severity_idx ON defects (severity, due_date, id);
CREATE INDEX defects_severity_rank_idx ON defects (severity_rank, id);
CREATE INDEX defects_priority_idx ON defects (priority, due_date, severity_rank DESC, id);
CREATE INDEX defects_category_idx ON defects (category, due_date, severity_rank DESC, id);
CREATE INDEX defects_assessment_status_idx ON defects (assessment_status, due_date, severity_rank DESC, id);
CREATE INDEX defects_assigned_to_id_idx ON defects (assigned_to_id, due_date, severity_rank DESC, id);
CREATE INDEX defects_equipment_id_idx ON defects (equipment_id, due_date, severity_rank DESC, id);
CREATE INDEX defects_created_at_idx ON defects (created_at, id);
CREATE INDEX defects_checklist_item_id_idx ON defects (checklist_item_id);
CREATE INDEX defects_resolved_by_id_idx ON defects (resolved_by_id);
