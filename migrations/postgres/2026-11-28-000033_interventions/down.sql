DROP INDEX job_pauses_resumed_at_idx;
DROP TABLE job_reminders;
DROP TABLE job_interventions;
