-- Creates the role of the service, which is no superuser, and its database. Runs once, at the first
-- start of the database server. The role may create databases: `backup verify` restores backups
-- into a temporary one.
\getenv password DB_PASSWORD
CREATE ROLE inspection LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE inspection OWNER inspection ENCODING 'UTF8';
REVOKE ALL ON DATABASE inspection FROM PUBLIC;
