ALTER TABLE inspection_assignments DROP COLUMN elec_points_awarded;
ALTER TABLE inspection_assignments DROP COLUMN mech_points_awarded;
ALTER TABLE inspection_assignments DROP COLUMN is_takeover;
