-- Run once, when the database server is first started: the service's own role, which is no superuser, and its database. The role may
-- make databases, since `backup verify` puts backups back into one of its own.
\getenv password DB_PASSWORD
CREATE ROLE inspection LOGIN NOSUPERUSER CREATEDB NOCREATEROLE NOREPLICATION PASSWORD :'password';
CREATE DATABASE inspection OWNER inspection ENCODING 'UTF8';
REVOKE ALL ON DATABASE inspection FROM PUBLIC;
