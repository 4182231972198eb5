-- Fails while there are defects without an inspection: the earlier table can't hold them.
ALTER TABLE defects ALTER COLUMN inspection_id SET NOT NULL;
ALTER TABLE defects ALTER COLUMN checklist_item_id SET NOT NULL;
ALTER TABLE defects DROP CONSTRAINT defects_origin_check;
ALTER TABLE defects DROP COLUMN reported_by_id;

-- Fails while there are completed jobs that were not started.
ALTER TABLE jobs DROP CONSTRAINT jobs_begun_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_begun_check
    CHECK (status NOT IN ('in_progress', 'paused', 'completed', 'qc_approved')
        OR (planned_time_hours IS NOT NULL AND started_at IS NOT NULL));
ALTER TABLE jobs DROP CONSTRAINT jobs_done_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_done_check CHECK (status NOT IN ('completed', 'qc_approved')
    OR (completed_at IS NOT NULL AND actual_time_hours IS NOT NULL AND time_rating IS NOT NULL));
