ALTER TABLE equipment_status_changes DROP COLUMN reason;
