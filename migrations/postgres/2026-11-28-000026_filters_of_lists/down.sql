DROP INDEX jobs_status_idx;
DROP INDEX quality_reviews_kind_idx;
DROP INDEX takeovers_kind_idx;
DROP INDEX audit_entries_entity_id_idx;
