DROP TABLE sync_items;
