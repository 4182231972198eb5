DROP TABLE search_fills;
DROP TABLE search_entries;
