DROP TABLE equipment_status_changes;
DROP TABLE equipment;
