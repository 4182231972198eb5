ALTER TABLE equipment_weekly_completions DROP COLUMN last_completed_on;
DROP INDEX inspections_half_key;
ALTER TABLE inspections DROP COLUMN assignment_id;
DROP TABLE inspection_assignments;
DROP TABLE inspection_lists;
