ALTER TABLE quality_reviews DROP COLUMN sla_warned_on;
ALTER TABLE job_pauses DROP COLUMN stalled_told_at;
ALTER TABLE inspection_assignments DROP COLUMN backlog_marked_at;
DROP TABLE translations;
DROP TABLE outbox;
DROP TABLE task_runs;
