CREATE TABLE inspections (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    equipment_id BIGINT NOT NULL REFERENCES equipment (id),
    template_id BIGINT NOT NULL REFERENCES checklist_templates (id),
    technician_id BIGINT NOT NULL REFERENCES users (id),
    category TEXT CONSTRAINT inspections_category_check CHECK (category IN ('mechanical', 'electrical')),
    status TEXT NOT NULL CONSTRAINT inspections_status_check CHECK (status IN ('draft', 'submitted', 'reviewed')),
    result TEXT CONSTRAINT inspections_result_check CHECK (result IN ('pass', 'fail')),
    started_at TIMESTAMP NOT NULL,
    submitted_at TIMESTAMP,
    reviewed_at TIMESTAMP,
    reviewed_by_id BIGINT REFERENCES users (id),
    review_notes TEXT,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT inspections_submitted_check CHECK (
        (status = 'draft') = (submitted_at IS NULL) AND (status = 'draft') = (result IS NULL)
    ),
    CONSTRAINT inspections_reviewed_check CHECK (
        (status = 'reviewed') = (reviewed_at IS NOT NULL) AND (status = 'reviewed') = (reviewed_by_id IS NOT NULL)
    )
);
CREATE UNIQUE INDEX inspections_one_draft_key ON inspections (technician_id, equipment_id) WHERE status = 'draft';
CREATE INDEX inspections_technician_id_idx ON inspections (technician_id, id);
CREATE INDEX inspections_equipment_id_idx ON inspections (equipment_id, started_at, id);
CREATE INDEX inspections_status_idx ON inspections (status, id);
CREATE INDEX inspections_result_idx ON inspections (result, id);
CREATE INDEX inspections_started_at_idx ON inspections (started_at, id);
CREATE INDEX inspections_submitted_at_idx ON inspections (submitted_at, id);
CREATE INDEX inspections_template_id_idx ON inspections (template_id);
CREATE INDEX inspections_reviewed_by_id_idx ON inspections (reviewed_by_id);

CREATE TABLE inspection_answers (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    inspection_id BIGINT NOT NULL REFERENCES inspections (id),
    checklist_item_id BIGINT NOT NULL REFERENCES checklist_items (id),
    answer_value TEXT NOT NULL,
    comment TEXT,
    photo_path TEXT,
    answered_by_id BIGINT NOT NULL REFERENCES users (id),
    answered_at TIMESTAMP NOT NULL,
    CONSTRAINT inspection_answers_item_key UNIQUE (inspection_id, checklist_item_id)
);
CREATE INDEX inspection_answers_checklist_item_id_idx ON inspection_answers (checklist_item_id);
CREATE INDEX inspection_answers_answered_by_id_idx ON inspection_answers (answered_by_id);

-- How often a machine was inspected in an ISO week.
CREATE TABLE equipment_weekly_completions (
    equipment_id BIGINT NOT NULL REFERENCES equipment (id),
    iso_year INTEGER NOT NULL,
    iso_week INTEGER NOT NULL CONSTRAINT equipment_weekly_completions_week_check CHECK (iso_week BETWEEN 1 AND 53),
    completions INTEGER NOT NULL CONSTRAINT equipment_weekly_completions_count_check CHECK (completions > 0),
    CONSTRAINT equipment_weekly_completions_pkey PRIMARY KEY (equipment_id, iso_year, iso_week)
);
