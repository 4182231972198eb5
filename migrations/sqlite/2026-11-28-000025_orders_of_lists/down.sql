DROP INDEX defects_equipment_created_at_idx;
DROP INDEX jobs_equipment_idx;
CREATE INDEX jobs_equipment_idx ON jobs (equipment_id, created_at);
DROP INDEX jobs_kind_completed_at_idx;
DROP INDEX jobs_kind_started_at_idx;
CREATE INDEX jobs_kind_completed_at_idx ON jobs (kind, completed_at, id);
CREATE INDEX jobs_kind_started_at_idx ON jobs (kind, started_at, id);
