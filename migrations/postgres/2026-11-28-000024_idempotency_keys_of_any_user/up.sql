-- A key is the first row of a transaction. With a reference it would lock the row of its user
-- before the rows that units of work lock first, and two of them could wait for each other.
ALTER TABLE idempotency_keys DROP CONSTRAINT idempotency_keys_user_id_fkey;
