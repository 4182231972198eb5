CREATE TABLE notifications (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    type TEXT NOT NULL,
    title TEXT NOT NULL,
    title_ar TEXT NOT NULL,
    message TEXT NOT NULL,
    message_ar TEXT NOT NULL,
    related_type TEXT,
    related_id BIGINT,
    priority TEXT NOT NULL
        CONSTRAINT notifications_priority_check CHECK (priority IN ('info', 'warning', 'urgent', 'critical')),
    is_persistent BOOLEAN NOT NULL,
    action_url TEXT,
    is_read BOOLEAN NOT NULL,
    read_at TIMESTAMP,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT notifications_read_check CHECK (is_read = (read_at IS NOT NULL))
);
CREATE INDEX notifications_user_id_idx ON notifications (user_id, id);
CREATE INDEX notifications_unread_idx ON notifications (user_id, id) WHERE NOT is_read;
CREATE INDEX notifications_priority_idx ON notifications (user_id, priority, id);
CREATE INDEX notifications_type_idx ON notifications (user_id, type, id);
