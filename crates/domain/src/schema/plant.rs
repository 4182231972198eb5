//! Machines, checklists and the plans of their inspection.

diesel::table! {
    equipment (id) {
        id -> BigInt,
        name -> Text,
        name_ar -> Nullable<Text>,
        equipment_type -> Text,
        equipment_type_ar -> Nullable<Text>,
        serial_number -> Text,
        location -> Nullable<Text>,
        location_ar -> Nullable<Text>,
        berth -> Nullable<Text>,
        home_berth -> Nullable<Text>,
        status -> Text,
        assigned_technician_id -> Nullable<BigInt>,
        manufacturer -> Nullable<Text>,
        model_number -> Nullable<Text>,
        installation_date -> Nullable<Date>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        type_key -> Nullable<Text>,
        serial_key -> Nullable<Text>,
        berth_key -> Nullable<Text>,
    }
}

diesel::table! {
    equipment_status_changes (id) {
        id -> BigInt,
        equipment_id -> BigInt,
        from_status -> Nullable<Text>,
        to_status -> Text,
        changed_by_id -> Nullable<BigInt>,
        changed_at -> Timestamp,
        reason -> Nullable<Text>,
    }
}

diesel::table! {
    equipment_weekly_completions (equipment_id, iso_year, iso_week) {
        equipment_id -> BigInt,
        iso_year -> Integer,
        iso_week -> Integer,
        completions -> Integer,
        last_completed_on -> Nullable<Date>,
    }
}

diesel::table! {
    equipment_schedules (id) {
        id -> BigInt,
        equipment_id -> BigInt,
        day_of_week -> Integer,
        created_by_id -> Nullable<BigInt>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    checklist_templates (id) {
        id -> BigInt,
        name -> Text,
        name_ar -> Nullable<Text>,
        equipment_type -> Text,
        version -> Text,
        is_active -> Bool,
        created_by_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        type_key -> Nullable<Text>,
    }
}

diesel::table! {
    checklist_items (id) {
        id -> BigInt,
        template_id -> BigInt,
        question_text -> Text,
        question_text_ar -> Nullable<Text>,
        answer_type -> Text,
        category -> Nullable<Text>,
        is_required -> Bool,
        order_index -> Integer,
        critical_failure -> Bool,
        pass_fail_rule -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        unit -> Nullable<Text>,
        warning -> Nullable<Text>,
        choices -> Nullable<Text>,
        fails_on -> Nullable<Text>,
        allow_na -> Bool,
        requires_comment_on_fail -> Bool,
        show_if -> Nullable<Text>,
        removed_at -> Nullable<Timestamp>,
        lineage_id -> Nullable<BigInt>,
    }
}

diesel::table! {
    checklist_revisions (id) {
        id -> BigInt,
        template_id -> BigInt,
        questions -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    inspection_routines (id) {
        id -> BigInt,
        name -> Text,
        name_ar -> Nullable<Text>,
        shift -> Text,
        days_of_week -> Integer,
        template_id -> BigInt,
        is_active -> Bool,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        recurrence -> Nullable<Text>,
        starts_on -> Nullable<Date>,
        on_holiday -> Text,
    }
}

diesel::table! {
    holidays (id) {
        id -> BigInt,
        date -> Date,
        name -> Text,
        name_ar -> Nullable<Text>,
        created_by_id -> Nullable<BigInt>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    routine_asset_types (id) {
        id -> BigInt,
        routine_id -> BigInt,
        equipment_type -> Text,
        type_key -> Nullable<Text>,
    }
}
