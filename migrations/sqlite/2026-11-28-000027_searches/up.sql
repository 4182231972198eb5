-- The words of the objects that lists search, each after the letter of its kind. The number of a
-- row is that of the object times eight plus the number of the kind. Words have blanks between them
-- and nothing else.
CREATE VIRTUAL TABLE search_entries USING fts5(
    words, detail = none, prefix = '2 3 4', tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* P* S* Co'"
);

-- How far the index is filled with the objects from before it: those with a larger id are missing.
CREATE TABLE search_fills (
    kind TEXT NOT NULL,
    after_id BIGINT NOT NULL,
    PRIMARY KEY (kind)
);
INSERT INTO search_fills (kind, after_id) VALUES ('checklist', 0), ('defect', 0), ('equipment', 0), ('user', 0);
