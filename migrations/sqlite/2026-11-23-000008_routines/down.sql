DROP TABLE routine_asset_types;
DROP TABLE inspection_routines;
