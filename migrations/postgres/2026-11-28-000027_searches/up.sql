-- The words of the objects that lists search, each after the letter of its kind.
CREATE TABLE search_entries (
    kind TEXT NOT NULL,
    id BIGINT NOT NULL,
    words TSVECTOR NOT NULL,
    PRIMARY KEY (kind, id)
);
CREATE INDEX search_entries_words_idx ON search_entries USING gin (words);

-- How far the index is filled with the objects from before it: those with a larger id are missing.
CREATE TABLE search_fills (
    kind TEXT NOT NULL,
    after_id BIGINT NOT NULL,
    PRIMARY KEY (kind)
);
INSERT INTO search_fills (kind, after_id) VALUES ('checklist', 0), ('defect', 0), ('equipment', 0), ('user', 0);
