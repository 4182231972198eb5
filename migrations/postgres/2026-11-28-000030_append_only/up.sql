-- The audit trail and the ledger of points only grow. The triggers fire for each statement, also
-- if it finds no row, and bind superusers, too; the owner also gives up its rights to change them.
CREATE FUNCTION refuse_change_of_history() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END
$$;

CREATE TRIGGER audit_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();
CREATE TRIGGER point_entries_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON point_entries
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_history();

REVOKE UPDATE, DELETE, TRUNCATE ON audit_entries, point_entries FROM CURRENT_USER;
