DROP TRIGGER users_keys ON users;
DROP FUNCTION users_keys();
DROP TRIGGER equipment_keys ON equipment;
DROP FUNCTION equipment_keys();
DROP TRIGGER checklist_templates_keys ON checklist_templates;
DROP FUNCTION checklist_templates_keys();
DROP TRIGGER routine_asset_types_keys ON routine_asset_types;
DROP FUNCTION routine_asset_types_keys();
DROP TRIGGER inspection_assignments_keys ON inspection_assignments;
DROP FUNCTION inspection_assignments_keys();
DROP FUNCTION plain_key(TEXT, TEXT);

ALTER TABLE inspection_assignments DROP COLUMN berth_key;

DROP INDEX routine_asset_types_type_key_key;
DROP INDEX routine_asset_types_type_key_idx;
ALTER TABLE routine_asset_types DROP COLUMN type_key;
CREATE INDEX routine_asset_types_equipment_type_idx ON routine_asset_types (equipment_type, routine_id);

DROP INDEX checklist_templates_type_key_version_key;
DROP INDEX checklist_templates_type_key_idx;
ALTER TABLE checklist_templates DROP COLUMN type_key;
CREATE INDEX checklist_templates_active_idx ON checklist_templates (equipment_type, is_active, id);

DROP INDEX equipment_serial_key_key;
DROP INDEX equipment_type_key_idx;
DROP INDEX equipment_berth_key_idx;
ALTER TABLE equipment DROP COLUMN type_key;
ALTER TABLE equipment DROP COLUMN serial_key;
ALTER TABLE equipment DROP COLUMN berth_key;
CREATE INDEX equipment_berth_idx ON equipment (berth, id);

DROP INDEX users_email_key_key;
ALTER TABLE users DROP COLUMN email_key;
