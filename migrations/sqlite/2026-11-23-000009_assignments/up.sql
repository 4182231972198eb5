CREATE TABLE inspection_lists (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    target_date DATE NOT NULL,
    shift TEXT NOT NULL CONSTRAINT inspection_lists_shift_check CHECK (shift IN ('day', 'night')),
    status TEXT NOT NULL CONSTRAINT inspection_lists_status_check
        CHECK (status IN ('generated', 'partially_assigned', 'fully_assigned', 'completed')),
    total_assets BIGINT NOT NULL,
    assigned_assets BIGINT NOT NULL,
    completed_assets BIGINT NOT NULL,
    generated_by_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT inspection_lists_date_shift_key UNIQUE (target_date, shift),
    CONSTRAINT inspection_lists_counters_check CHECK (
        completed_assets BETWEEN 0 AND assigned_assets AND assigned_assets <= total_assets
    )
);
CREATE INDEX inspection_lists_target_date_idx ON inspection_lists (target_date, id);
CREATE INDEX inspection_lists_shift_idx ON inspection_lists (shift, target_date, id);
CREATE INDEX inspection_lists_status_idx ON inspection_lists (status, target_date, id);
CREATE INDEX inspection_lists_generated_by_id_idx ON inspection_lists (generated_by_id);

CREATE TABLE inspection_assignments (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    list_id BIGINT NOT NULL REFERENCES inspection_lists (id),
    equipment_id BIGINT NOT NULL REFERENCES equipment (id),
    template_id BIGINT NOT NULL REFERENCES checklist_templates (id),
    target_date DATE NOT NULL,
    shift TEXT NOT NULL CONSTRAINT inspection_assignments_shift_check CHECK (shift IN ('day', 'night')),
    berth TEXT,
    status TEXT NOT NULL CONSTRAINT inspection_assignments_status_check CHECK (status IN (
        'unassigned', 'assigned', 'in_progress', 'mech_complete', 'elec_complete', 'both_complete',
        'assessment_pending', 'completed'
    )),
    mechanical_inspector_id BIGINT REFERENCES users (id),
    electrical_inspector_id BIGINT REFERENCES users (id),
    assigned_by_id BIGINT REFERENCES users (id),
    assigned_at TIMESTAMP,
    deadline TIMESTAMP,
    completed_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT inspection_assignments_equipment_key UNIQUE (list_id, equipment_id),
    CONSTRAINT inspection_assignments_team_check CHECK (
        (status = 'unassigned') = (mechanical_inspector_id IS NULL)
        AND (status = 'unassigned') = (electrical_inspector_id IS NULL)
        AND (status = 'unassigned') = (deadline IS NULL)
        AND (status = 'unassigned') = (assigned_at IS NULL)
        AND mechanical_inspector_id <> electrical_inspector_id
    ),
    CONSTRAINT inspection_assignments_completed_check CHECK ((status = 'completed') = (completed_at IS NOT NULL))
);
CREATE INDEX inspection_assignments_status_idx ON inspection_assignments (status, deadline, id);
CREATE INDEX inspection_assignments_list_id_idx ON inspection_assignments (list_id, status);
CREATE INDEX inspection_assignments_mechanical_inspector_id_idx
    ON inspection_assignments (mechanical_inspector_id, target_date, id);
CREATE INDEX inspection_assignments_electrical_inspector_id_idx
    ON inspection_assignments (electrical_inspector_id, target_date, id);
CREATE INDEX inspection_assignments_equipment_id_idx ON inspection_assignments (equipment_id, id);
CREATE INDEX inspection_assignments_template_id_idx ON inspection_assignments (template_id);
CREATE INDEX inspection_assignments_assigned_by_id_idx ON inspection_assignments (assigned_by_id);

-- An inspection is ad hoc, or one half of an assignment.
ALTER TABLE inspections ADD COLUMN assignment_id BIGINT REFERENCES inspection_assignments (id)
    CONSTRAINT inspections_half_check CHECK ((assignment_id IS NULL) = (category IS NULL));
CREATE UNIQUE INDEX inspections_half_key ON inspections (assignment_id, category);

-- The day of the last inspection in the week, site time.
ALTER TABLE equipment_weekly_completions ADD COLUMN last_completed_on DATE;
