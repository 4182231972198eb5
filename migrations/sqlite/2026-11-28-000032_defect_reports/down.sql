-- A table that other tables refer to is replaced: its rows are checked when the transaction ends.
PRAGMA defer_foreign_keys = ON;

-- Fails while there are defects without an inspection: the earlier table can't hold them.
CREATE TABLE earlier_defects AS SELECT * FROM defects;
DROP TABLE defects;
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
INSERT INTO defects (id, inspection_id, checklist_item_id, equipment_id, category, severity,
    priority, description, description_ar, status, assessment_status, assigned_to_id, due_date,
    sla_days, resolved_at, resolved_by_id, resolution_notes, work_order_id, created_at,
    updated_at)
    SELECT id, inspection_id, checklist_item_id, equipment_id, category, severity, priority,
    description, description_ar, status, assessment_status, assigned_to_id, due_date, sla_days,
    resolved_at, resolved_by_id, resolution_notes, work_order_id, created_at, updated_at
    FROM earlier_defects;
DROP TABLE earlier_defects;
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
CREATE INDEX defects_numbers_idx ON defects (status, severity, category);
CREATE INDEX defects_resolved_at_idx ON defects (resolved_at);
CREATE INDEX defects_equipment_created_at_idx ON defects (equipment_id, created_at, id);

-- Fails while there are completed jobs that were not started.
CREATE TABLE earlier_jobs AS SELECT * FROM jobs;
DROP TABLE jobs;
CREATE TABLE jobs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CONSTRAINT jobs_kind_check CHECK (kind IN ('specialist', 'engineer')),
    universal_id BIGINT NOT NULL,
    job_id TEXT NOT NULL CONSTRAINT jobs_job_id_key UNIQUE,
    owner_id BIGINT NOT NULL REFERENCES users (id),
    created_by_id BIGINT REFERENCES users (id),
    category TEXT NOT NULL CONSTRAINT jobs_category_check CHECK (category IN ('minor', 'major')),
    major_reason TEXT,
    status TEXT NOT NULL CONSTRAINT jobs_status_check CHECK (status IN (
        'assigned', 'in_progress', 'paused', 'completed', 'qc_approved', 'incomplete', 'cancelled')),
    defect_id BIGINT REFERENCES defects (id),
    equipment_id BIGINT REFERENCES equipment (id),
    inspection_id BIGINT REFERENCES inspections (id),
    job_type TEXT CONSTRAINT jobs_job_type_check CHECK (job_type IN ('custom_project', 'system_review', 'special_task')),
    title TEXT,
    description TEXT,
    planned_time_days BIGINT,
    -- Hundredths of an hour.
    planned_time_hours BIGINT CONSTRAINT jobs_planned_check CHECK (planned_time_hours BETWEEN 1 AND 99999),
    started_at TIMESTAMP,
    paused_at TIMESTAMP,
    paused_seconds BIGINT NOT NULL CONSTRAINT jobs_paused_seconds_check CHECK (paused_seconds >= 0),
    completed_at TIMESTAMP,
    actual_time_hours BIGINT CONSTRAINT jobs_actual_check CHECK (actual_time_hours >= 0),
    time_rating BIGINT CONSTRAINT jobs_time_rating_check CHECK (time_rating BETWEEN 1 AND 7),
    work_notes TEXT,
    completion_status TEXT,
    incomplete_reason TEXT,
    admin_bonus BIGINT CONSTRAINT jobs_admin_bonus_check CHECK (admin_bonus BETWEEN 0 AND 10),
    qe_id BIGINT REFERENCES users (id),
    qc_rating BIGINT CONSTRAINT jobs_qc_rating_check CHECK (qc_rating BETWEEN 1 AND 5),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT jobs_repair_check CHECK (kind <> 'specialist' OR (defect_id IS NOT NULL AND equipment_id IS NOT NULL)),
    CONSTRAINT jobs_engineer_check CHECK ((kind = 'engineer') = (job_type IS NOT NULL) AND (kind = 'engineer') = (title IS NOT NULL)),
    CONSTRAINT jobs_begun_check CHECK (status NOT IN ('in_progress', 'paused', 'completed', 'qc_approved')
        OR (planned_time_hours IS NOT NULL AND started_at IS NOT NULL)),
    CONSTRAINT jobs_pause_check CHECK ((status = 'paused') = (paused_at IS NOT NULL)),
    CONSTRAINT jobs_done_check CHECK (status NOT IN ('completed', 'qc_approved')
        OR (completed_at IS NOT NULL AND actual_time_hours IS NOT NULL AND time_rating IS NOT NULL))
);
INSERT INTO jobs (id, kind, universal_id, job_id, owner_id, created_by_id, category,
    major_reason, status, defect_id, equipment_id, inspection_id, job_type, title, description,
    planned_time_days, planned_time_hours, started_at, paused_at, paused_seconds, completed_at,
    actual_time_hours, time_rating, work_notes, completion_status, incomplete_reason,
    admin_bonus, qe_id, qc_rating, created_at, updated_at)
    SELECT id, kind, universal_id, job_id, owner_id, created_by_id, category, major_reason,
    status, defect_id, equipment_id, inspection_id, job_type, title, description,
    planned_time_days, planned_time_hours, started_at, paused_at, paused_seconds, completed_at,
    actual_time_hours, time_rating, work_notes, completion_status, incomplete_reason,
    admin_bonus, qe_id, qc_rating, created_at, updated_at
    FROM earlier_jobs;
DROP TABLE earlier_jobs;
CREATE UNIQUE INDEX jobs_universal_key ON jobs (kind, universal_id);
CREATE UNIQUE INDEX jobs_one_repair_key ON jobs (defect_id)
    WHERE kind = 'specialist' AND status IN ('assigned', 'in_progress', 'paused');
CREATE INDEX jobs_owner_idx ON jobs (owner_id, kind, status, id);
CREATE INDEX jobs_kind_status_idx ON jobs (kind, status, id);
CREATE INDEX jobs_kind_category_idx ON jobs (kind, category, id);
CREATE INDEX jobs_kind_type_idx ON jobs (kind, job_type, id);
CREATE INDEX jobs_defect_idx ON jobs (defect_id, id);
CREATE INDEX jobs_stalled_idx ON jobs (paused_at, id) WHERE status = 'paused';
CREATE INDEX jobs_completed_at_idx ON jobs (completed_at, kind);
CREATE INDEX jobs_kind_started_at_idx ON jobs (kind, COALESCE(started_at, '-infinity'), id);
CREATE INDEX jobs_kind_completed_at_idx ON jobs (kind, COALESCE(completed_at, '-infinity'), id);
CREATE INDEX jobs_equipment_idx ON jobs (equipment_id, created_at, id);
CREATE INDEX jobs_status_idx ON jobs (status, id);
