-- Whether the password was set by another person, so that its owner must change it. Passwords that
-- exist already stay as they are.
ALTER TABLE users ADD COLUMN must_change_password BOOLEAN NOT NULL DEFAULT false;
