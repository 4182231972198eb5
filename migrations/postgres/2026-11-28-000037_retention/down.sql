DROP INDEX notifications_read_at_idx;
