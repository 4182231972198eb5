DROP TABLE equipment_schedules;
