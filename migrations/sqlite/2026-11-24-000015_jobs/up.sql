-- Work of specialists and engineers.
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
CREATE UNIQUE INDEX jobs_universal_key ON jobs (kind, universal_id);
-- One repair of a defect at a time.
CREATE UNIQUE INDEX jobs_one_repair_key ON jobs (defect_id)
    WHERE kind = 'specialist' AND status IN ('assigned', 'in_progress', 'paused');
CREATE INDEX jobs_owner_idx ON jobs (owner_id, kind, status, id);
CREATE INDEX jobs_kind_status_idx ON jobs (kind, status, id);
CREATE INDEX jobs_kind_category_idx ON jobs (kind, category, id);
CREATE INDEX jobs_kind_type_idx ON jobs (kind, job_type, id);
CREATE INDEX jobs_kind_started_at_idx ON jobs (kind, started_at, id);
CREATE INDEX jobs_kind_completed_at_idx ON jobs (kind, completed_at, id);
CREATE INDEX jobs_equipment_idx ON jobs (equipment_id, created_at);
CREATE INDEX jobs_defect_idx ON jobs (defect_id, id);
CREATE INDEX jobs_stalled_idx ON jobs (paused_at, id) WHERE status = 'paused';

-- The last number that was given out: for each kind of job, and for each badge.
CREATE TABLE job_counters (
    name TEXT NOT NULL CONSTRAINT job_counters_pkey PRIMARY KEY,
    last_number BIGINT NOT NULL
);

CREATE TABLE job_cleanings (
    job_id BIGINT NOT NULL CONSTRAINT job_cleanings_pkey PRIMARY KEY REFERENCES jobs (id),
    notes TEXT NOT NULL,
    cleaned_by_id BIGINT NOT NULL REFERENCES users (id),
    cleaned_at TIMESTAMP NOT NULL,
    cleaning_rating BIGINT CONSTRAINT job_cleanings_rating_check CHECK (cleaning_rating BETWEEN 0 AND 2),
    rated_by_id BIGINT REFERENCES users (id),
    rated_at TIMESTAMP
);

CREATE TABLE job_pauses (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    requested_by_id BIGINT NOT NULL REFERENCES users (id),
    reason_category TEXT NOT NULL CONSTRAINT job_pauses_reason_check
        CHECK (reason_category IN ('parts', 'duty_finish', 'tools', 'manpower', 'oem', 'other')),
    reason_details TEXT,
    status TEXT NOT NULL CONSTRAINT job_pauses_status_check
        CHECK (status IN ('pending', 'approved', 'denied', 'ended', 'cancelled')),
    is_forced BOOLEAN NOT NULL,
    requested_at TIMESTAMP NOT NULL,
    decided_by_id BIGINT REFERENCES users (id),
    decided_at TIMESTAMP,
    deny_reason TEXT,
    paused_at TIMESTAMP,
    resumed_at TIMESTAMP,
    resumed_by_id BIGINT REFERENCES users (id),
    duration_seconds BIGINT CONSTRAINT job_pauses_duration_check CHECK (duration_seconds >= 0),
    CONSTRAINT job_pauses_paused_check CHECK ((status IN ('approved', 'ended')) = (paused_at IS NOT NULL)),
    CONSTRAINT job_pauses_ended_check CHECK ((status = 'ended') = (duration_seconds IS NOT NULL))
);
-- One request, and one pause that goes on, for each job.
CREATE UNIQUE INDEX job_pauses_one_pending_key ON job_pauses (job_id) WHERE status = 'pending';
CREATE UNIQUE INDEX job_pauses_one_open_key ON job_pauses (job_id) WHERE status = 'approved';
CREATE INDEX job_pauses_job_idx ON job_pauses (job_id, id);
CREATE INDEX job_pauses_status_idx ON job_pauses (status, id);

CREATE TABLE takeovers (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CONSTRAINT takeovers_kind_check CHECK (kind IN ('specialist', 'engineer', 'inspection')),
    job_id BIGINT REFERENCES jobs (id),
    assignment_id BIGINT REFERENCES inspection_assignments (id),
    requested_by_id BIGINT NOT NULL REFERENCES users (id),
    partner_id BIGINT REFERENCES users (id),
    previous_owner_id BIGINT REFERENCES users (id),
    place BIGINT NOT NULL CONSTRAINT takeovers_place_check CHECK (place > 0),
    reason TEXT,
    status TEXT NOT NULL CONSTRAINT takeovers_status_check
        CHECK (status IN ('pending', 'approved', 'denied', 'completed')),
    requested_at TIMESTAMP NOT NULL,
    decided_by_id BIGINT REFERENCES users (id),
    decided_at TIMESTAMP,
    completed_at TIMESTAMP,
    CONSTRAINT takeovers_target_check CHECK ((kind = 'inspection') = (assignment_id IS NOT NULL)
        AND (kind = 'inspection') = (job_id IS NULL) AND (kind = 'inspection') = (partner_id IS NOT NULL)),
    CONSTRAINT takeovers_completed_check CHECK ((status = 'completed') = (completed_at IS NOT NULL))
);
-- One request each, one who has taken over.
CREATE UNIQUE INDEX takeovers_one_request_of_job_key ON takeovers (job_id, requested_by_id) WHERE status = 'pending';
CREATE UNIQUE INDEX takeovers_one_request_of_assignment_key ON takeovers (assignment_id, requested_by_id) WHERE status = 'pending';
CREATE UNIQUE INDEX takeovers_one_place_of_job_key ON takeovers (job_id, place) WHERE status = 'pending';
CREATE UNIQUE INDEX takeovers_one_place_of_assignment_key ON takeovers (assignment_id, place) WHERE status = 'pending';
CREATE UNIQUE INDEX takeovers_one_taker_of_job_key ON takeovers (job_id) WHERE status = 'approved';
CREATE UNIQUE INDEX takeovers_one_taker_of_assignment_key ON takeovers (assignment_id) WHERE status = 'approved';
CREATE INDEX takeovers_job_idx ON takeovers (job_id, status, place);
CREATE INDEX takeovers_assignment_idx ON takeovers (assignment_id, status, place);
CREATE INDEX takeovers_requested_by_idx ON takeovers (requested_by_id, id);
CREATE INDEX takeovers_status_idx ON takeovers (status, id);

CREATE TABLE quality_reviews (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CONSTRAINT quality_reviews_kind_check CHECK (kind IN ('specialist', 'engineer')),
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    worker_id BIGINT NOT NULL REFERENCES users (id),
    qe_id BIGINT NOT NULL REFERENCES users (id),
    status TEXT NOT NULL CONSTRAINT quality_reviews_status_check CHECK (status IN ('pending', 'approved', 'rejected')),
    sla_deadline TIMESTAMP NOT NULL,
    reviewed_at TIMESTAMP,
    sla_met BOOLEAN,
    qc_rating BIGINT CONSTRAINT quality_reviews_rating_check CHECK (qc_rating BETWEEN 1 AND 5),
    notes TEXT,
    rejection_category TEXT,
    rejection_reason TEXT,
    evidence TEXT,
    is_valid BOOLEAN,
    validated_by_id BIGINT REFERENCES users (id),
    validated_at TIMESTAMP,
    validation_notes TEXT,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT quality_reviews_reviewed_check CHECK ((status = 'pending') = (reviewed_at IS NULL)
        AND (status = 'pending') = (sla_met IS NULL)),
    CONSTRAINT quality_reviews_rejected_check CHECK ((status = 'rejected') = (rejection_reason IS NOT NULL)),
    CONSTRAINT quality_reviews_validated_check CHECK ((is_valid IS NULL) = (validated_at IS NULL)
        AND (is_valid IS NULL OR status = 'rejected'))
);
-- One review of a job at a time.
CREATE UNIQUE INDEX quality_reviews_one_pending_key ON quality_reviews (job_id) WHERE status = 'pending';
CREATE INDEX quality_reviews_job_idx ON quality_reviews (job_id, id);
CREATE INDEX quality_reviews_qe_idx ON quality_reviews (qe_id, status, id);
CREATE INDEX quality_reviews_status_idx ON quality_reviews (status, kind, id);
CREATE INDEX quality_reviews_overdue_idx ON quality_reviews (sla_deadline, id) WHERE status = 'pending';

CREATE TABLE defect_assessments (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    defect_id BIGINT NOT NULL CONSTRAINT defect_assessments_defect_id_key UNIQUE REFERENCES defects (id),
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    specialist_id BIGINT NOT NULL REFERENCES users (id),
    verdict TEXT NOT NULL CONSTRAINT defect_assessments_verdict_check CHECK (verdict IN ('confirm', 'minor', 'reject')),
    technical_notes TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX defect_assessments_specialist_idx ON defect_assessments (specialist_id, id);
