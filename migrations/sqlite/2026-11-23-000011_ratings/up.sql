CREATE TABLE inspection_ratings (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    inspection_id BIGINT NOT NULL CONSTRAINT inspection_ratings_inspection_id_key UNIQUE REFERENCES inspections (id),
    technician_id BIGINT NOT NULL REFERENCES users (id),
    rating BIGINT NOT NULL CONSTRAINT inspection_ratings_rating_check CHECK (rating BETWEEN 1 AND 5),
    comment TEXT,
    admin_quality_bonus BIGINT NOT NULL
        CONSTRAINT inspection_ratings_bonus_check CHECK (admin_quality_bonus BETWEEN 0 AND 10),
    rated_by_id BIGINT NOT NULL REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL
);
CREATE INDEX inspection_ratings_technician_id_idx ON inspection_ratings (technician_id, id);
CREATE INDEX inspection_ratings_rated_by_id_idx ON inspection_ratings (rated_by_id);
