DROP TABLE equipment_weekly_completions;
DROP TABLE inspection_answers;
DROP TABLE inspections;
