DROP INDEX point_entries_assessment_key;
DROP TABLE final_assessments;
DROP INDEX equipment_id_status_key;
