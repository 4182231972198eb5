-- What dashboards, leaderboards and trends count, so that they read these and not the tables.
CREATE INDEX inspections_numbers_idx ON inspections (status, result);
CREATE INDEX defects_numbers_idx ON defects (status, severity, category);
CREATE INDEX defects_resolved_at_idx ON defects (resolved_at);
CREATE INDEX jobs_completed_at_idx ON jobs (completed_at, kind);
CREATE INDEX job_pauses_numbers_idx ON job_pauses (reason_category, status, duration_seconds);
CREATE INDEX quality_reviews_reviewed_at_idx ON quality_reviews (reviewed_at, sla_met);
CREATE INDEX quality_reviews_worker_idx ON quality_reviews (worker_id, status);
CREATE INDEX inspection_assignments_target_date_idx ON inspection_assignments (target_date, status);
CREATE INDEX point_entries_period_idx ON point_entries (created_at, user_id, role, amount);
DROP INDEX point_entries_created_at_idx;
