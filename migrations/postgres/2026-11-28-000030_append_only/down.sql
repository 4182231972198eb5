GRANT UPDATE, DELETE, TRUNCATE ON audit_entries, point_entries TO CURRENT_USER;
DROP TRIGGER point_entries_append_only ON point_entries;
DROP TRIGGER audit_entries_append_only ON audit_entries;
DROP FUNCTION refuse_change_of_history;
