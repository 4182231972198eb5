-- Jobs in the order of a time that may be absent: absent ones come first on both databases.
DROP INDEX jobs_kind_started_at_idx;
DROP INDEX jobs_kind_completed_at_idx;
CREATE INDEX jobs_kind_started_at_idx ON jobs (kind, COALESCE(started_at, '-infinity'), id);
CREATE INDEX jobs_kind_completed_at_idx ON jobs (kind, COALESCE(completed_at, '-infinity'), id);

-- The history of a machine.
DROP INDEX jobs_equipment_idx;
CREATE INDEX jobs_equipment_idx ON jobs (equipment_id, created_at, id);
CREATE INDEX defects_equipment_created_at_idx ON defects (equipment_id, created_at, id);
