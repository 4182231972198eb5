DROP TABLE point_entries;
DROP TABLE revoked_tokens;
DROP TABLE users;
DROP TABLE badges;
