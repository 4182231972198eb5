//! Daily lists, inspections and their outcome.

diesel::table! {
    inspection_lists (id) {
        id -> BigInt,
        target_date -> Date,
        shift -> Text,
        status -> Text,
        total_assets -> BigInt,
        assigned_assets -> BigInt,
        completed_assets -> BigInt,
        generated_by_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    inspection_assignments (id) {
        id -> BigInt,
        list_id -> BigInt,
        equipment_id -> BigInt,
        template_id -> BigInt,
        target_date -> Date,
        shift -> Text,
        berth -> Nullable<Text>,
        status -> Text,
        mechanical_inspector_id -> Nullable<BigInt>,
        electrical_inspector_id -> Nullable<BigInt>,
        assigned_by_id -> Nullable<BigInt>,
        assigned_at -> Nullable<Timestamp>,
        deadline -> Nullable<Timestamp>,
        completed_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        backlog_marked_at -> Nullable<Timestamp>,
        is_takeover -> Bool,
        mech_points_awarded -> BigInt,
        elec_points_awarded -> BigInt,
        berth_key -> Nullable<Text>,
    }
}

diesel::table! {
    inspections (id) {
        id -> BigInt,
        equipment_id -> BigInt,
        template_id -> BigInt,
        technician_id -> BigInt,
        category -> Nullable<Text>,
        status -> Text,
        result -> Nullable<Text>,
        started_at -> Timestamp,
        submitted_at -> Nullable<Timestamp>,
        reviewed_at -> Nullable<Timestamp>,
        reviewed_by_id -> Nullable<BigInt>,
        review_notes -> Nullable<Text>,
        updated_at -> Timestamp,
        assignment_id -> Nullable<BigInt>,
        revision_id -> Nullable<BigInt>,
        partner_id -> Nullable<BigInt>,
        is_detached -> Bool,
        warnings -> BigInt,
        received_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    inspection_answers (id) {
        id -> BigInt,
        inspection_id -> BigInt,
        checklist_item_id -> BigInt,
        answer_value -> Text,
        comment -> Nullable<Text>,
        photo_path -> Nullable<Text>,
        photo_file_id -> Nullable<BigInt>,
        photo_file_ids -> Text,
        answered_by_id -> BigInt,
        answered_at -> Timestamp,
    }
}

diesel::table! {
    inspection_ratings (id) {
        id -> BigInt,
        inspection_id -> BigInt,
        technician_id -> BigInt,
        rating -> BigInt,
        comment -> Nullable<Text>,
        admin_quality_bonus -> BigInt,
        rated_by_id -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    final_assessments (id) {
        id -> BigInt,
        assignment_id -> BigInt,
        equipment_id -> BigInt,
        mechanical_inspector_id -> BigInt,
        electrical_inspector_id -> BigInt,
        mechanical_verdict -> Nullable<Text>,
        mechanical_reason -> Nullable<Text>,
        mechanical_verdict_at -> Nullable<Timestamp>,
        electrical_verdict -> Nullable<Text>,
        electrical_reason -> Nullable<Text>,
        electrical_verdict_at -> Nullable<Timestamp>,
        status -> Text,
        decision -> Nullable<Text>,
        resolved_by -> Nullable<Text>,
        resolved_at -> Nullable<Timestamp>,
        decided_by_id -> Nullable<BigInt>,
        admin_notes -> Nullable<Text>,
        // `stopped` while the assessment holds the machine; references the status of the machine.
        equipment_hold -> Nullable<Text>,
        stopped_from -> Nullable<Text>,
        released_at -> Nullable<Timestamp>,
        released_by_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}
