-- Defects without an inspection.
ALTER TABLE defects ALTER COLUMN inspection_id DROP NOT NULL;
ALTER TABLE defects ALTER COLUMN checklist_item_id DROP NOT NULL;
ALTER TABLE defects ADD CONSTRAINT defects_origin_check
    CHECK ((inspection_id IS NULL) = (checklist_item_id IS NULL));
-- The inspector, or the user that reported it without an inspection.
ALTER TABLE defects ADD COLUMN reported_by_id BIGINT REFERENCES users (id);
UPDATE defects SET reported_by_id = inspections.technician_id
    FROM inspections WHERE inspections.id = defects.inspection_id;
ALTER TABLE defects ALTER COLUMN reported_by_id SET NOT NULL;
CREATE INDEX defects_reported_by_id_idx ON defects (reported_by_id);

-- The resolution of a defect completes a job that was not started: without hours and rating.
ALTER TABLE jobs DROP CONSTRAINT jobs_begun_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_begun_check CHECK (status NOT IN ('in_progress', 'paused')
    OR (planned_time_hours IS NOT NULL AND started_at IS NOT NULL));
ALTER TABLE jobs DROP CONSTRAINT jobs_done_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_done_check CHECK (status NOT IN ('completed', 'qc_approved')
    OR (completed_at IS NOT NULL AND (started_at IS NULL
        OR (planned_time_hours IS NOT NULL AND actual_time_hours IS NOT NULL AND time_rating IS NOT NULL))));
