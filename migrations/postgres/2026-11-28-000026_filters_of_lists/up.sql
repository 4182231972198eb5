-- Fails instead of blocking all other transactions behind it for long.
SET LOCAL lock_timeout = '10s';

-- Filters of lists, in the order of their pages.
CREATE INDEX audit_entries_entity_id_idx ON audit_entries (entity_id, id);
CREATE INDEX takeovers_kind_idx ON takeovers (kind, id);
CREATE INDEX quality_reviews_kind_idx ON quality_reviews (kind, id);
CREATE INDEX jobs_status_idx ON jobs (status, id);
