//! Defects, jobs and their quality reviews.

diesel::table! {
    defects (id) {
        id -> BigInt,
        inspection_id -> Nullable<BigInt>,
        checklist_item_id -> Nullable<BigInt>,
        equipment_id -> BigInt,
        category -> Nullable<Text>,
        severity -> Text,
        // Generated from severity, so that an index can order by it: 1 low … 4 critical.
        severity_rank -> Integer,
        priority -> Text,
        description -> Text,
        description_ar -> Nullable<Text>,
        status -> Text,
        assessment_status -> Text,
        assigned_to_id -> Nullable<BigInt>,
        due_date -> Date,
        sla_days -> Integer,
        resolved_at -> Nullable<Timestamp>,
        resolved_by_id -> Nullable<BigInt>,
        resolution_notes -> Nullable<Text>,
        work_order_id -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        reported_by_id -> BigInt,
        lineage -> Nullable<BigInt>,
        recurrence_of_id -> Nullable<BigInt>,
        occurrence_count -> BigInt,
    }
}

diesel::table! {
    defect_occurrences (id) {
        id -> BigInt,
        defect_id -> BigInt,
        inspection_id -> Nullable<BigInt>,
        checklist_item_id -> Nullable<BigInt>,
        found_by_id -> BigInt,
        found_at -> Timestamp,
    }
}

diesel::table! {
    defect_assessments (id) {
        id -> BigInt,
        defect_id -> BigInt,
        job_id -> BigInt,
        specialist_id -> BigInt,
        verdict -> Text,
        technical_notes -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    jobs (id) {
        id -> BigInt,
        kind -> Text,
        universal_id -> BigInt,
        job_id -> Text,
        owner_id -> BigInt,
        created_by_id -> Nullable<BigInt>,
        category -> Text,
        major_reason -> Nullable<Text>,
        status -> Text,
        defect_id -> Nullable<BigInt>,
        equipment_id -> Nullable<BigInt>,
        inspection_id -> Nullable<BigInt>,
        job_type -> Nullable<Text>,
        title -> Nullable<Text>,
        description -> Nullable<Text>,
        planned_time_days -> Nullable<BigInt>,
        planned_time_hours -> Nullable<BigInt>,
        started_at -> Nullable<Timestamp>,
        paused_at -> Nullable<Timestamp>,
        paused_seconds -> BigInt,
        completed_at -> Nullable<Timestamp>,
        actual_time_hours -> Nullable<BigInt>,
        time_rating -> Nullable<BigInt>,
        work_notes -> Nullable<Text>,
        completion_status -> Nullable<Text>,
        incomplete_reason -> Nullable<Text>,
        admin_bonus -> Nullable<BigInt>,
        qe_id -> Nullable<BigInt>,
        qc_rating -> Nullable<BigInt>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        received_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    job_counters (name) {
        name -> Text,
        last_number -> BigInt,
    }
}

diesel::table! {
    job_cleanings (job_id) {
        job_id -> BigInt,
        notes -> Text,
        cleaned_by_id -> BigInt,
        cleaned_at -> Timestamp,
        cleaning_rating -> Nullable<BigInt>,
        rated_by_id -> Nullable<BigInt>,
        rated_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    job_interventions (id) {
        id -> BigInt,
        job_id -> BigInt,
        action -> Text,
        actor_id -> BigInt,
        owner_id -> BigInt,
        reason -> Nullable<Text>,
        changes -> Text,
        created_at -> Timestamp,
    }
}

diesel::table! {
    job_reminders (job_id) {
        job_id -> BigInt,
        reminded_on -> Date,
    }
}

diesel::table! {
    job_pauses (id) {
        id -> BigInt,
        job_id -> BigInt,
        requested_by_id -> BigInt,
        reason_category -> Text,
        reason_details -> Nullable<Text>,
        status -> Text,
        is_forced -> Bool,
        requested_at -> Timestamp,
        decided_by_id -> Nullable<BigInt>,
        decided_at -> Nullable<Timestamp>,
        deny_reason -> Nullable<Text>,
        paused_at -> Nullable<Timestamp>,
        resumed_at -> Nullable<Timestamp>,
        resumed_by_id -> Nullable<BigInt>,
        duration_seconds -> Nullable<BigInt>,
        stalled_told_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    takeovers (id) {
        id -> BigInt,
        kind -> Text,
        job_id -> Nullable<BigInt>,
        assignment_id -> Nullable<BigInt>,
        requested_by_id -> BigInt,
        partner_id -> Nullable<BigInt>,
        previous_owner_id -> Nullable<BigInt>,
        place -> BigInt,
        reason -> Nullable<Text>,
        status -> Text,
        requested_at -> Timestamp,
        decided_by_id -> Nullable<BigInt>,
        decided_at -> Nullable<Timestamp>,
        completed_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    quality_reviews (id) {
        id -> BigInt,
        kind -> Text,
        job_id -> BigInt,
        worker_id -> BigInt,
        qe_id -> BigInt,
        status -> Text,
        sla_deadline -> Timestamp,
        reviewed_at -> Nullable<Timestamp>,
        sla_met -> Nullable<Bool>,
        qc_rating -> Nullable<BigInt>,
        notes -> Nullable<Text>,
        rejection_category -> Nullable<Text>,
        rejection_reason -> Nullable<Text>,
        evidence -> Nullable<Text>,
        is_valid -> Nullable<Bool>,
        validated_by_id -> Nullable<BigInt>,
        validated_at -> Nullable<Timestamp>,
        validation_notes -> Nullable<Text>,
        created_at -> Timestamp,
        sla_warned_on -> Nullable<Date>,
    }
}
