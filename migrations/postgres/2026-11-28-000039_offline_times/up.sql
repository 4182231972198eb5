-- The time of an action by the clock of the phone, corrected by that of the service.
ALTER TABLE sync_items ADD COLUMN happened_at TIMESTAMPTZ;
-- Whether an answer was older than the one on record.
ALTER TABLE sync_items ADD COLUMN is_superseded BOOLEAN NOT NULL DEFAULT false;
-- The same action under another client id.
CREATE INDEX sync_items_content_idx ON sync_items (user_id, content_hash);

-- When the last change made offline was received.
ALTER TABLE inspections ADD COLUMN received_at TIMESTAMPTZ;
ALTER TABLE jobs ADD COLUMN received_at TIMESTAMPTZ;
