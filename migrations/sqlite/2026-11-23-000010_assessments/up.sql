-- What an assessment that holds a machine stopped refers to: while it stands, the status can't be another.
CREATE UNIQUE INDEX equipment_id_status_key ON equipment (id, status);

CREATE TABLE final_assessments (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    assignment_id BIGINT NOT NULL CONSTRAINT final_assessments_assignment_id_key UNIQUE
        REFERENCES inspection_assignments (id),
    equipment_id BIGINT NOT NULL REFERENCES equipment (id),
    mechanical_inspector_id BIGINT NOT NULL REFERENCES users (id),
    electrical_inspector_id BIGINT NOT NULL REFERENCES users (id),
    mechanical_verdict TEXT
        CONSTRAINT final_assessments_mechanical_verdict_check CHECK (mechanical_verdict IN ('operational', 'urgent')),
    mechanical_reason TEXT,
    mechanical_verdict_at TIMESTAMP,
    electrical_verdict TEXT
        CONSTRAINT final_assessments_electrical_verdict_check CHECK (electrical_verdict IN ('operational', 'urgent')),
    electrical_reason TEXT,
    electrical_verdict_at TIMESTAMP,
    status TEXT NOT NULL CONSTRAINT final_assessments_status_check CHECK (status IN ('pending', 'completed')),
    decision TEXT CONSTRAINT final_assessments_decision_check CHECK (decision IN ('operational', 'urgent')),
    resolved_by TEXT CONSTRAINT final_assessments_resolved_by_check
        CHECK (resolved_by IN ('agreement', 'safety_rule', 'admin')),
    resolved_at TIMESTAMP,
    decided_by_id BIGINT REFERENCES users (id),
    admin_notes TEXT,
    -- 'stopped' while this assessment holds the machine stopped.
    equipment_hold TEXT CONSTRAINT final_assessments_hold_check CHECK (equipment_hold = 'stopped'),
    stopped_from TEXT CONSTRAINT final_assessments_stopped_from_check
        CHECK (stopped_from IN ('active', 'under_maintenance', 'out_of_service', 'paused')),
    released_at TIMESTAMP,
    released_by_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT final_assessments_equipment_stopped_fkey
        FOREIGN KEY (equipment_id, equipment_hold) REFERENCES equipment (id, status),
    CONSTRAINT final_assessments_urgent_holds_check CHECK (
        ((COALESCE(decision, '') = 'urgent' OR (decision IS NULL
            AND (COALESCE(mechanical_verdict, '') = 'urgent' OR COALESCE(electrical_verdict, '') = 'urgent')))
            AND released_at IS NULL) = (equipment_hold IS NOT NULL)
    ),
    CONSTRAINT final_assessments_stopped_check CHECK (stopped_from IS NULL OR equipment_hold IS NOT NULL),
    CONSTRAINT final_assessments_reasons_check CHECK (
        (COALESCE(mechanical_verdict, '') = 'urgent') = (mechanical_reason IS NOT NULL)
        AND (COALESCE(electrical_verdict, '') = 'urgent') = (electrical_reason IS NOT NULL)
    ),
    CONSTRAINT final_assessments_completed_check CHECK (
        (status = 'completed') = (decision IS NOT NULL)
        AND (status = 'completed') = (resolved_by IS NOT NULL)
        AND (status = 'completed') = (resolved_at IS NOT NULL)
    ),
    CONSTRAINT final_assessments_admin_check CHECK (
        (COALESCE(resolved_by, '') = 'admin') = (decided_by_id IS NOT NULL)
        AND (COALESCE(resolved_by, '') = 'admin') = (admin_notes IS NOT NULL)
    ),
    -- One urgent verdict is enough, unless an admin decided.
    CONSTRAINT final_assessments_safety_check CHECK (
        COALESCE(resolved_by, 'admin') = 'admin'
        OR (mechanical_verdict IS NOT NULL AND electrical_verdict IS NOT NULL
            AND (decision = 'urgent') = (mechanical_verdict = 'urgent' OR electrical_verdict = 'urgent'))
    )
);
CREATE INDEX final_assessments_status_idx ON final_assessments (status, id);
CREATE INDEX final_assessments_mechanical_inspector_id_idx ON final_assessments (mechanical_inspector_id, id);
CREATE INDEX final_assessments_electrical_inspector_id_idx ON final_assessments (electrical_inspector_id, id);
CREATE INDEX final_assessments_equipment_id_idx ON final_assessments (equipment_id, equipment_hold);
CREATE INDEX final_assessments_decided_by_id_idx ON final_assessments (decided_by_id);
CREATE INDEX final_assessments_released_by_id_idx ON final_assessments (released_by_id);

-- The point for a final assessment is given once.
CREATE UNIQUE INDEX point_entries_assessment_key ON point_entries (user_id, related_id) WHERE kind = 'assessment';
