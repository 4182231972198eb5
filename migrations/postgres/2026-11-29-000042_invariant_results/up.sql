-- The result of the last check of each invariant. Nothing depends on it.
CREATE TABLE invariant_results (
    name TEXT NOT NULL CONSTRAINT invariant_results_pkey PRIMARY KEY,
    checked_at TIMESTAMPTZ NOT NULL,
    -- None if the time ran out before the check.
    violations BIGINT CONSTRAINT invariant_results_violations_check CHECK (violations >= 0),
    -- Ids of the first objects, a JSON array.
    ids TEXT NOT NULL,
    took_ms BIGINT NOT NULL
);
