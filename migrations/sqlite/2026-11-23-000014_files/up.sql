-- What is known of an evidence file; its bytes are in the store, under the key.
CREATE TABLE files (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL CONSTRAINT files_key_key UNIQUE,
    original_filename TEXT NOT NULL,
    mime_type TEXT NOT NULL CONSTRAINT files_mime_type_check
        CHECK (mime_type IN ('image/png', 'image/jpeg', 'image/gif', 'image/webp', 'application/pdf')),
    file_size BIGINT NOT NULL CONSTRAINT files_file_size_check CHECK (file_size > 0),
    sha256 TEXT NOT NULL CONSTRAINT files_sha256_check CHECK (length(sha256) = 64),
    category TEXT NOT NULL,
    uploaded_by_id BIGINT NOT NULL REFERENCES users (id),
    related_type TEXT,
    related_id BIGINT,
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT files_related_check CHECK ((related_type IS NULL) = (related_id IS NULL))
);
CREATE INDEX files_uploaded_by_id_idx ON files (uploaded_by_id, id);
CREATE INDEX files_related_idx ON files (related_type, related_id, id);

-- Which records, but for answers, rest on a file.
CREATE TABLE evidence (
    file_id BIGINT NOT NULL REFERENCES files (id),
    record_type TEXT NOT NULL,
    record_id BIGINT NOT NULL,
    CONSTRAINT evidence_pkey PRIMARY KEY (file_id, record_type, record_id)
);
CREATE INDEX evidence_record_idx ON evidence (record_type, record_id, file_id);

ALTER TABLE inspection_answers ADD COLUMN photo_file_id BIGINT REFERENCES files (id);
CREATE INDEX inspection_answers_photo_file_id_idx ON inspection_answers (photo_file_id);
