-- The audit trail and the ledger of points only grow.
CREATE TRIGGER audit_entries_not_updated BEFORE UPDATE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'audit_entries is append-only');
END;
CREATE TRIGGER audit_entries_not_deleted BEFORE DELETE ON audit_entries
BEGIN
    SELECT RAISE(ABORT, 'audit_entries is append-only');
END;
CREATE TRIGGER point_entries_not_updated BEFORE UPDATE ON point_entries
BEGIN
    SELECT RAISE(ABORT, 'point_entries is append-only');
END;
CREATE TRIGGER point_entries_not_deleted BEFORE DELETE ON point_entries
BEGIN
    SELECT RAISE(ABORT, 'point_entries is append-only');
END;
-- A row that replaces another one would not count as deleting it.
CREATE TRIGGER audit_entries_not_replaced BEFORE INSERT ON audit_entries
WHEN EXISTS (SELECT 1 FROM audit_entries WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'audit_entries is append-only');
END;
-- A row that replaces another one would not count as deleting it.
CREATE TRIGGER point_entries_not_replaced BEFORE INSERT ON point_entries
WHEN EXISTS (SELECT 1 FROM point_entries WHERE id = NEW.id)
BEGIN
    SELECT RAISE(ABORT, 'point_entries is append-only');
END;
