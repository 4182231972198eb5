//! People: accounts, sessions, points, leaves and notifications.

diesel::table! {
    badges (badge) {
        badge -> Text,
        prefix -> Nullable<Text>,
        number -> Nullable<BigInt>,
    }
}

diesel::table! {
    users (id) {
        id -> BigInt,
        email -> Text,
        password_hash -> Text,
        full_name -> Text,
        phone -> Nullable<Text>,
        language -> Text,
        role -> Text,
        role_id -> Text,
        minor_role -> Nullable<Text>,
        minor_role_id -> Nullable<Text>,
        specialization -> Nullable<Text>,
        shift -> Nullable<Text>,
        total_points -> BigInt,
        inspector_points -> BigInt,
        specialist_points -> BigInt,
        engineer_points -> BigInt,
        qe_points -> BigInt,
        is_on_leave -> Bool,
        leave_coverage_for -> Nullable<BigInt>,
        is_active -> Bool,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        email_key -> Nullable<Text>,
        must_change_password -> Bool,
    }
}

diesel::table! {
    sessions (id) {
        id -> Text,
        user_id -> BigInt,
        created_at -> Timestamp,
        last_used_at -> Timestamp,
        expires_at -> Timestamp,
        refreshes -> BigInt,
        address -> Nullable<Text>,
        user_agent -> Nullable<Text>,
        ended_at -> Nullable<Timestamp>,
        end_reason -> Nullable<Text>,
    }
}

diesel::table! {
    point_entries (id) {
        id -> BigInt,
        user_id -> BigInt,
        role -> Text,
        amount -> BigInt,
        kind -> Text,
        related_type -> Nullable<Text>,
        related_id -> Nullable<BigInt>,
        awarded_by_id -> Nullable<BigInt>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    leaves (id) {
        id -> BigInt,
        user_id -> BigInt,
        leave_type -> Text,
        other_reason -> Nullable<Text>,
        date_from -> Date,
        date_to -> Date,
        reason -> Nullable<Text>,
        scope -> Text,
        status -> Text,
        ended_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        requested_by_id -> Nullable<BigInt>,
        decided_by_id -> Nullable<BigInt>,
        decided_at -> Nullable<Timestamp>,
        rejection_reason -> Nullable<Text>,
        ended_by_id -> Nullable<BigInt>,
        coverage_user_id -> Nullable<BigInt>,
        coverage_badge -> Nullable<Text>,
        half_day -> Nullable<Text>,
    }
}

diesel::table! {
    roster_entries (id) {
        id -> BigInt,
        user_id -> BigInt,
        date -> Date,
        shift -> Text,
        set_by_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    bonus_stars (id) {
        id -> BigInt,
        user_id -> BigInt,
        amount -> BigInt,
        requested_amount -> Nullable<BigInt>,
        reason -> Text,
        related_job_type -> Nullable<Text>,
        related_job_id -> Nullable<BigInt>,
        status -> Text,
        requested_by_id -> Nullable<BigInt>,
        decided_by_id -> Nullable<BigInt>,
        decided_at -> Nullable<Timestamp>,
        deny_reason -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    notifications (id) {
        id -> BigInt,
        user_id -> BigInt,
        #[sql_name = "type"]
        kind -> Text,
        title -> Text,
        title_ar -> Text,
        message -> Text,
        message_ar -> Text,
        related_type -> Nullable<Text>,
        related_id -> Nullable<BigInt>,
        priority -> Text,
        is_persistent -> Bool,
        action_url -> Nullable<Text>,
        is_read -> Bool,
        read_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
    }
}
