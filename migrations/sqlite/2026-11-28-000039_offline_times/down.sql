ALTER TABLE jobs DROP COLUMN received_at;
ALTER TABLE inspections DROP COLUMN received_at;
DROP INDEX sync_items_content_idx;
ALTER TABLE sync_items DROP COLUMN is_superseded;
ALTER TABLE sync_items DROP COLUMN happened_at;
