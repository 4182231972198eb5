DROP INDEX defects_one_unresolved_key;
DROP INDEX defects_recurrence_of_id_idx;
DROP INDEX defects_lineage_idx;
DROP TABLE defect_occurrences;
ALTER TABLE defects DROP COLUMN occurrence_count;
ALTER TABLE defects DROP COLUMN recurrence_of_id;
ALTER TABLE defects DROP COLUMN lineage;
ALTER TABLE checklist_items DROP COLUMN lineage_id;
