DROP TABLE defects;
