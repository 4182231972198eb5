-- Runs of the scheduled tasks: whoever inserts the row of a task and a time runs it.
CREATE TABLE task_runs (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    task TEXT NOT NULL,
    scheduled_for TIMESTAMP NOT NULL,
    is_manual BOOLEAN NOT NULL,
    instance TEXT NOT NULL,
    started_at TIMESTAMP NOT NULL,
    lease_until TIMESTAMP NOT NULL,
    attempts BIGINT NOT NULL CONSTRAINT task_runs_attempts_check CHECK (attempts >= 1),
    finished_at TIMESTAMP,
    outcome TEXT NOT NULL
        CONSTRAINT task_runs_outcome_check CHECK (outcome IN ('running', 'succeeded', 'failed')),
    -- How much it has done, a JSON document.
    counts TEXT NOT NULL,
    error TEXT,
    CONSTRAINT task_runs_task_scheduled_for_key UNIQUE (task, scheduled_for),
    CONSTRAINT task_runs_finished_check CHECK ((outcome = 'running') = (finished_at IS NULL))
);
CREATE INDEX task_runs_outcome_idx ON task_runs (task, outcome, scheduled_for);
CREATE INDEX task_runs_lease_idx ON task_runs (lease_until) WHERE outcome = 'running';

-- What changes leave behind to be done in the background.
CREATE TABLE outbox (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    payload TEXT NOT NULL,
    status TEXT NOT NULL CONSTRAINT outbox_status_check CHECK (status IN ('pending', 'running', 'dead')),
    attempts BIGINT NOT NULL CONSTRAINT outbox_attempts_check CHECK (attempts >= 0),
    run_at TIMESTAMP NOT NULL,
    worker TEXT,
    lease_until TIMESTAMP,
    error TEXT,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT outbox_running_check
        CHECK ((status = 'running') = (worker IS NOT NULL) AND (worker IS NULL) = (lease_until IS NULL))
);
CREATE INDEX outbox_due_idx ON outbox (kind, run_at, id) WHERE status = 'pending';
CREATE INDEX outbox_lease_idx ON outbox (kind, lease_until) WHERE status = 'running';
CREATE INDEX outbox_status_idx ON outbox (status, id);
CREATE INDEX outbox_kind_idx ON outbox (kind, id);

-- Texts in the other language, each with what it was made from: a text that has changed has none.
CREATE TABLE translations (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    model_type TEXT NOT NULL,
    model_id BIGINT NOT NULL,
    field_name TEXT NOT NULL,
    language TEXT NOT NULL CONSTRAINT translations_language_check CHECK (language IN ('en', 'ar')),
    source_hash TEXT NOT NULL,
    text TEXT NOT NULL,
    -- The number of the job that made it: a later one is not overwritten by an earlier one.
    version BIGINT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT translations_field_key UNIQUE (model_type, model_id, field_name)
);
CREATE INDEX translations_source_hash_idx ON translations (source_hash, language);

-- What somebody was told of is told once.
ALTER TABLE inspection_assignments ADD COLUMN backlog_marked_at TIMESTAMP;
ALTER TABLE job_pauses ADD COLUMN stalled_told_at TIMESTAMP;
ALTER TABLE quality_reviews ADD COLUMN sla_warned_on DATE;
