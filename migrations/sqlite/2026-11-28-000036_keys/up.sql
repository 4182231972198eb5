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

CREATE TRIGGER users_email_key_insert AFTER INSERT ON users
WHEN NEW.email_key IS NOT lower(NEW.email)
    AND (NEW.email IS NULL OR NEW.email NOT GLOB '*[^ -~]*' AND NEW.email NOT GLOB '*  *' AND NEW.email = trim(NEW.email))
BEGIN
    UPDATE users SET email_key = lower(NEW.email) WHERE id = NEW.id;
END;

CREATE TRIGGER users_email_key_update AFTER UPDATE OF email ON users
WHEN NEW.email_key IS NOT lower(NEW.email)
    AND (NEW.email IS NULL OR NEW.email NOT GLOB '*[^ -~]*' AND NEW.email NOT GLOB '*  *' AND NEW.email = trim(NEW.email))
BEGIN
    UPDATE users SET email_key = lower(NEW.email) WHERE id = NEW.id;
END;

CREATE TRIGGER equipment_type_key_insert AFTER INSERT ON equipment
WHEN NEW.type_key IS NOT lower(NEW.equipment_type)
    AND (NEW.equipment_type IS NULL OR NEW.equipment_type NOT GLOB '*[^ -~]*' AND NEW.equipment_type NOT GLOB '*  *' AND NEW.equipment_type = trim(NEW.equipment_type))
BEGIN
    UPDATE equipment SET type_key = lower(NEW.equipment_type) WHERE id = NEW.id;
END;

CREATE TRIGGER equipment_type_key_update AFTER UPDATE OF equipment_type ON equipment
WHEN NEW.type_key IS NOT lower(NEW.equipment_type)
    AND (NEW.equipment_type IS NULL OR NEW.equipment_type NOT GLOB '*[^ -~]*' AND NEW.equipment_type NOT GLOB '*  *' AND NEW.equipment_type = trim(NEW.equipment_type))
BEGIN
    UPDATE equipment SET type_key = lower(NEW.equipment_type) WHERE id = NEW.id;
END;

CREATE TRIGGER equipment_serial_key_insert AFTER INSERT ON equipment
WHEN NEW.serial_key IS NOT lower(NEW.serial_number)
    AND (NEW.serial_number IS NULL OR NEW.serial_number NOT GLOB '*[^ -~]*' AND NEW.serial_number NOT GLOB '*  *' AND NEW.serial_number = trim(NEW.serial_number))
BEGIN
    UPDATE equipment SET serial_key = lower(NEW.serial_number) WHERE id = NEW.id;
END;

CREATE TRIGGER equipment_serial_key_update AFTER UPDATE OF serial_number ON equipment
WHEN NEW.serial_key IS NOT lower(NEW.serial_number)
    AND (NEW.serial_number IS NULL OR NEW.serial_number NOT GLOB '*[^ -~]*' AND NEW.serial_number NOT GLOB '*  *' AND NEW.serial_number = trim(NEW.serial_number))
BEGIN
    UPDATE equipment SET serial_key = lower(NEW.serial_number) WHERE id = NEW.id;
END;

CREATE TRIGGER equipment_berth_key_insert AFTER INSERT ON equipment
WHEN NEW.berth_key IS NOT lower(NEW.berth)
    AND (NEW.berth IS NULL OR NEW.berth NOT GLOB '*[^ -~]*' AND NEW.berth NOT GLOB '*  *' AND NEW.berth = trim(NEW.berth))
BEGIN
    UPDATE equipment SET berth_key = lower(NEW.berth) WHERE id = NEW.id;
END;

CREATE TRIGGER equipment_berth_key_update AFTER UPDATE OF berth ON equipment
WHEN NEW.berth_key IS NOT lower(NEW.berth)
    AND (NEW.berth IS NULL OR NEW.berth NOT GLOB '*[^ -~]*' AND NEW.berth NOT GLOB '*  *' AND NEW.berth = trim(NEW.berth))
BEGIN
    UPDATE equipment SET berth_key = lower(NEW.berth) WHERE id = NEW.id;
END;

CREATE TRIGGER checklist_templates_type_key_insert AFTER INSERT ON checklist_templates
WHEN NEW.type_key IS NOT lower(NEW.equipment_type)
    AND (NEW.equipment_type IS NULL OR NEW.equipment_type NOT GLOB '*[^ -~]*' AND NEW.equipment_type NOT GLOB '*  *' AND NEW.equipment_type = trim(NEW.equipment_type))
BEGIN
    UPDATE checklist_templates SET type_key = lower(NEW.equipment_type) WHERE id = NEW.id;
END;

CREATE TRIGGER checklist_templates_type_key_update AFTER UPDATE OF equipment_type ON checklist_templates
WHEN NEW.type_key IS NOT lower(NEW.equipment_type)
    AND (NEW.equipment_type IS NULL OR NEW.equipment_type NOT GLOB '*[^ -~]*' AND NEW.equipment_type NOT GLOB '*  *' AND NEW.equipment_type = trim(NEW.equipment_type))
BEGIN
    UPDATE checklist_templates SET type_key = lower(NEW.equipment_type) WHERE id = NEW.id;
END;

CREATE TRIGGER routine_asset_types_type_key_insert AFTER INSERT ON routine_asset_types
WHEN NEW.type_key IS NOT lower(NEW.equipment_type)
    AND (NEW.equipment_type IS NULL OR NEW.equipment_type NOT GLOB '*[^ -~]*' AND NEW.equipment_type NOT GLOB '*  *' AND NEW.equipment_type = trim(NEW.equipment_type))
BEGIN
    UPDATE routine_asset_types SET type_key = lower(NEW.equipment_type) WHERE id = NEW.id;
END;

CREATE TRIGGER routine_asset_types_type_key_update AFTER UPDATE OF equipment_type ON routine_asset_types
WHEN NEW.type_key IS NOT lower(NEW.equipment_type)
    AND (NEW.equipment_type IS NULL OR NEW.equipment_type NOT GLOB '*[^ -~]*' AND NEW.equipment_type NOT GLOB '*  *' AND NEW.equipment_type = trim(NEW.equipment_type))
BEGIN
    UPDATE routine_asset_types SET type_key = lower(NEW.equipment_type) WHERE id = NEW.id;
END;

CREATE TRIGGER inspection_assignments_berth_key_insert AFTER INSERT ON inspection_assignments
WHEN NEW.berth_key IS NOT lower(NEW.berth)
    AND (NEW.berth IS NULL OR NEW.berth NOT GLOB '*[^ -~]*' AND NEW.berth NOT GLOB '*  *' AND NEW.berth = trim(NEW.berth))
BEGIN
    UPDATE inspection_assignments SET berth_key = lower(NEW.berth) WHERE id = NEW.id;
END;

CREATE TRIGGER inspection_assignments_berth_key_update AFTER UPDATE OF berth ON inspection_assignments
WHEN NEW.berth_key IS NOT lower(NEW.berth)
    AND (NEW.berth IS NULL OR NEW.berth NOT GLOB '*[^ -~]*' AND NEW.berth NOT GLOB '*  *' AND NEW.berth = trim(NEW.berth))
BEGIN
    UPDATE inspection_assignments SET berth_key = lower(NEW.berth) WHERE id = NEW.id;
END;
