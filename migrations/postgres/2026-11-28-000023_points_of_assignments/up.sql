-- Beside an assignment: whether another team took it over, and the points of its inspectors.
ALTER TABLE inspection_assignments ADD COLUMN is_takeover BOOLEAN NOT NULL DEFAULT false;
ALTER TABLE inspection_assignments ADD COLUMN mech_points_awarded BIGINT NOT NULL DEFAULT 0;
ALTER TABLE inspection_assignments ADD COLUMN elec_points_awarded BIGINT NOT NULL DEFAULT 0;
UPDATE inspection_assignments SET is_takeover = TRUE WHERE id IN
    (SELECT assignment_id FROM takeovers WHERE status IN ('approved', 'completed') AND assignment_id IS NOT NULL);
UPDATE inspection_assignments SET mech_points_awarded = 1, elec_points_awarded = 1 WHERE status = 'completed';
