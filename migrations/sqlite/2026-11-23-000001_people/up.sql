-- Every badge in use, whichever column of users holds it: this is what makes a badge unique.
CREATE TABLE badges (
    badge TEXT NOT NULL CONSTRAINT badges_pkey PRIMARY KEY,
    prefix TEXT,
    number BIGINT
);
CREATE INDEX badges_prefix_number_idx ON badges (prefix, number);

CREATE TABLE users (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    email TEXT NOT NULL CONSTRAINT users_email_key UNIQUE,
    password_hash TEXT NOT NULL,
    full_name TEXT NOT NULL,
    phone TEXT,
    language TEXT NOT NULL CONSTRAINT users_language_check CHECK (language IN ('en', 'ar')),
    role TEXT NOT NULL CONSTRAINT users_role_check CHECK (role IN ('admin', 'inspector', 'specialist', 'engineer', 'quality_engineer')),
    role_id TEXT NOT NULL CONSTRAINT users_role_id_key UNIQUE REFERENCES badges (badge),
    minor_role TEXT CONSTRAINT users_minor_role_check CHECK (minor_role IN ('inspector', 'specialist', 'engineer', 'quality_engineer')),
    minor_role_id TEXT CONSTRAINT users_minor_role_id_key UNIQUE REFERENCES badges (badge),
    specialization TEXT CONSTRAINT users_specialization_check CHECK (specialization IN ('mechanical', 'electrical')),
    shift TEXT CONSTRAINT users_shift_check CHECK (shift IN ('day', 'night')),
    total_points BIGINT NOT NULL,
    inspector_points BIGINT NOT NULL,
    specialist_points BIGINT NOT NULL,
    engineer_points BIGINT NOT NULL,
    qe_points BIGINT NOT NULL,
    is_on_leave BOOLEAN NOT NULL,
    leave_coverage_for BIGINT REFERENCES users (id),
    is_active BOOLEAN NOT NULL,
    -- Tokens carry the generation they were issued in; another one ends every session.
    session_generation BIGINT NOT NULL DEFAULT 0,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT users_minor_role_differs_check CHECK (minor_role <> role),
    CONSTRAINT users_minor_badge_check CHECK ((minor_role IS NULL) = (minor_role_id IS NULL)),
    CONSTRAINT users_inspector_specialization_check CHECK (
        specialization IS NOT NULL OR (role <> 'inspector' AND COALESCE(minor_role, '') <> 'inspector')
    )
);
CREATE INDEX users_role_idx ON users (role);
CREATE INDEX users_minor_role_idx ON users (minor_role);
CREATE INDEX users_shift_idx ON users (shift);
CREATE INDEX users_specialization_idx ON users (specialization);
CREATE INDEX users_is_on_leave_idx ON users (is_on_leave);
CREATE INDEX users_leave_coverage_for_idx ON users (leave_coverage_for);
CREATE INDEX users_active_name_idx ON users (is_active, full_name, id);
CREATE INDEX users_full_name_idx ON users (full_name, id);
CREATE INDEX users_total_points_idx ON users (total_points, id);
CREATE INDEX users_created_at_idx ON users (created_at, id);

-- Tokens that were given back before their time; a row goes when its token would have expired.
CREATE TABLE revoked_tokens (
    jti TEXT NOT NULL CONSTRAINT revoked_tokens_pkey PRIMARY KEY,
    user_id BIGINT NOT NULL REFERENCES users (id),
    expires_at TIMESTAMP NOT NULL
);
CREATE INDEX revoked_tokens_user_id_idx ON revoked_tokens (user_id);
CREATE INDEX revoked_tokens_expires_at_idx ON revoked_tokens (expires_at);

CREATE TABLE point_entries (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    user_id BIGINT NOT NULL REFERENCES users (id),
    role TEXT NOT NULL CONSTRAINT point_entries_role_check CHECK (role IN ('admin', 'inspector', 'specialist', 'engineer', 'quality_engineer')),
    amount BIGINT NOT NULL CONSTRAINT point_entries_amount_check CHECK (amount <> 0),
    kind TEXT NOT NULL,
    related_type TEXT,
    related_id BIGINT,
    awarded_by_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    CONSTRAINT point_entries_related_check CHECK ((related_type IS NULL) = (related_id IS NULL))
);
CREATE INDEX point_entries_user_id_idx ON point_entries (user_id, id);
CREATE INDEX point_entries_awarded_by_id_idx ON point_entries (awarded_by_id);
CREATE INDEX point_entries_related_idx ON point_entries (related_type, related_id);
CREATE INDEX point_entries_created_at_idx ON point_entries (created_at);
