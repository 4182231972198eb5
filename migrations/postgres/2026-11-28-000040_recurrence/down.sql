DROP TABLE holidays;
ALTER TABLE inspection_routines DROP COLUMN on_holiday;
ALTER TABLE inspection_routines DROP COLUMN starts_on;
ALTER TABLE inspection_routines DROP COLUMN recurrence;
