-- Keys of identifiers: the form in which they are unique and match. No database folds as the domain
-- does, so the program writes them, and fills them for rows from before.
ALTER TABLE users ADD COLUMN email_key TEXT;
CREATE UNIQUE INDEX users_email_key_key ON users (email_key);

ALTER TABLE equipment ADD COLUMN type_key TEXT;
ALTER TABLE equipment ADD COLUMN serial_key TEXT;
ALTER TABLE equipment ADD COLUMN berth_key TEXT;
CREATE UNIQUE INDEX equipment_serial_key_key ON equipment (serial_key);
CREATE INDEX equipment_type_key_idx ON equipment (type_key, name, id);
CREATE INDEX equipment_berth_key_idx ON equipment (berth_key, id);
DROP INDEX equipment_berth_idx;

ALTER TABLE checklist_templates ADD COLUMN type_key TEXT;
CREATE UNIQUE INDEX checklist_templates_type_key_version_key ON checklist_templates (type_key, version);
CREATE INDEX checklist_templates_type_key_idx ON checklist_templates (type_key, is_active, id);
DROP INDEX checklist_templates_active_idx;

ALTER TABLE routine_asset_types ADD COLUMN type_key TEXT;
CREATE UNIQUE INDEX routine_asset_types_type_key_key ON routine_asset_types (routine_id, type_key);
CREATE INDEX routine_asset_types_type_key_idx ON routine_asset_types (type_key, routine_id);
DROP INDEX routine_asset_types_equipment_type_idx;

ALTER TABLE inspection_assignments ADD COLUMN berth_key TEXT;

-- The keys of texts in plain ASCII also follow what a program without keys writes beside, during an
-- upgrade. Those of other texts stay as they are given.
CREATE FUNCTION plain_key(value TEXT, given TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN value COLLATE "C" ~ '^[!-~]+( [!-~]+)*$' THEN lower(value COLLATE "C")
        WHEN value IS NOT NULL THEN given
    END
$$;

CREATE FUNCTION users_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.email_key := plain_key(NEW.email, NEW.email_key);
    RETURN NEW;
END
$$;
CREATE TRIGGER users_keys BEFORE INSERT OR UPDATE OF email ON users
    FOR EACH ROW EXECUTE FUNCTION users_keys();

CREATE FUNCTION equipment_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.type_key := plain_key(NEW.equipment_type, NEW.type_key);
    NEW.serial_key := plain_key(NEW.serial_number, NEW.serial_key);
    NEW.berth_key := plain_key(NEW.berth, NEW.berth_key);
    RETURN NEW;
END
$$;
CREATE TRIGGER equipment_keys BEFORE INSERT OR UPDATE OF equipment_type, serial_number, berth ON equipment
    FOR EACH ROW EXECUTE FUNCTION equipment_keys();

CREATE FUNCTION checklist_templates_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.type_key := plain_key(NEW.equipment_type, NEW.type_key);
    RETURN NEW;
END
$$;
CREATE TRIGGER checklist_templates_keys BEFORE INSERT OR UPDATE OF equipment_type ON checklist_templates
    FOR EACH ROW EXECUTE FUNCTION checklist_templates_keys();

CREATE FUNCTION routine_asset_types_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.type_key := plain_key(NEW.equipment_type, NEW.type_key);
    RETURN NEW;
END
$$;
CREATE TRIGGER routine_asset_types_keys BEFORE INSERT OR UPDATE OF equipment_type ON routine_asset_types
    FOR EACH ROW EXECUTE FUNCTION routine_asset_types_keys();

CREATE FUNCTION inspection_assignments_keys() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.berth_key := plain_key(NEW.berth, NEW.berth_key);
    RETURN NEW;
END
$$;
CREATE TRIGGER inspection_assignments_keys BEFORE INSERT OR UPDATE OF berth ON inspection_assignments
    FOR EACH ROW EXECUTE FUNCTION inspection_assignments_keys();
