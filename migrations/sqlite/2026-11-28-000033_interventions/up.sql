-- Commands of admins and engineers on the job of another user.
CREATE TABLE job_interventions (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    job_id BIGINT NOT NULL REFERENCES jobs (id),
    action TEXT NOT NULL CONSTRAINT job_interventions_action_check CHECK (action IN (
        'plan', 'start', 'complete', 'leave_incomplete', 'cancel', 'reassign', 'correct_timer')),
    actor_id BIGINT NOT NULL REFERENCES users (id),
    owner_id BIGINT NOT NULL REFERENCES users (id),
    reason TEXT,
    -- Old and new values of a corrected timer, as JSON.
    changes TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL
);
CREATE INDEX job_interventions_job_idx ON job_interventions (job_id, id);

-- The last day on which a job that runs for long was reported.
CREATE TABLE job_reminders (
    job_id BIGINT NOT NULL CONSTRAINT job_reminders_pkey PRIMARY KEY REFERENCES jobs (id),
    reminded_on DATE NOT NULL
);
-- Jobs that were resumed lately.
CREATE INDEX job_pauses_resumed_at_idx ON job_pauses (resumed_at);
