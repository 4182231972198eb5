//! Files, audit trail, offline changes, translations and background work.

diesel::table! {
    files (id) {
        id -> BigInt,
        key -> Text,
        original_filename -> Text,
        mime_type -> Text,
        file_size -> BigInt,
        sha256 -> Text,
        category -> Text,
        uploaded_by_id -> BigInt,
        related_type -> Nullable<Text>,
        related_id -> Nullable<BigInt>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    evidence (file_id, record_type, record_id) {
        file_id -> BigInt,
        record_type -> Text,
        record_id -> BigInt,
    }
}

diesel::table! {
    audit_entries (id) {
        id -> BigInt,
        at -> Timestamp,
        actor_id -> Nullable<BigInt>,
        action -> Text,
        entity_type -> Text,
        entity_id -> Nullable<BigInt>,
        address -> Nullable<Text>,
        request_id -> Nullable<Text>,
        changes -> Text,
    }
}

diesel::table! {
    sync_items (id) {
        id -> BigInt,
        user_id -> BigInt,
        client_id -> Text,
        entity_type -> Text,
        entity_data -> Text,
        occurred_at -> Nullable<Timestamp>,
        outcome -> Text,
        entity_id -> Nullable<BigInt>,
        result -> Nullable<Text>,
        sync_error -> Nullable<Text>,
        content_hash -> Text,
        created_at -> Timestamp,
        happened_at -> Nullable<Timestamp>,
        is_superseded -> Bool,
    }
}

diesel::table! {
    changes (id) {
        id -> BigInt,
        user_id -> BigInt,
        entity_type -> Text,
        entity_id -> BigInt,
        changed_at -> Timestamp,
    }
}

diesel::table! {
    task_runs (id) {
        id -> BigInt,
        task -> Text,
        scheduled_for -> Timestamp,
        is_manual -> Bool,
        instance -> Text,
        started_at -> Timestamp,
        lease_until -> Timestamp,
        attempts -> BigInt,
        finished_at -> Nullable<Timestamp>,
        outcome -> Text,
        counts -> Text,
        error -> Nullable<Text>,
    }
}

diesel::table! {
    outbox (id) {
        id -> BigInt,
        kind -> Text,
        payload -> Text,
        status -> Text,
        attempts -> BigInt,
        run_at -> Timestamp,
        worker -> Nullable<Text>,
        lease_until -> Nullable<Timestamp>,
        error -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    translations (id) {
        id -> BigInt,
        model_type -> Text,
        model_id -> BigInt,
        field_name -> Text,
        language -> Text,
        source_hash -> Text,
        text -> Text,
        version -> BigInt,
        created_at -> Timestamp,
    }
}

diesel::table! {
    idempotency_keys (user_id, key) {
        user_id -> BigInt,
        key -> Text,
        operation -> Text,
        fingerprint -> Text,
        status -> Integer,
        body -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    search_fills (kind) {
        kind -> Text,
        after_id -> BigInt,
    }
}

diesel::table! {
    invariant_results (name) {
        name -> Text,
        checked_at -> Timestamp,
        violations -> Nullable<BigInt>,
        ids -> Text,
        took_ms -> BigInt,
    }
}
