ALTER TABLE equipment_status_changes ADD COLUMN reason TEXT;
