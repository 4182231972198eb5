//! The columns that the row derives refer to; the SQL that uses them is in the persistence layer.

#![allow(missing_docs, reason = "the entities say what the columns mean")]

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
        session_generation -> BigInt,
        created_at -> Timestamp,
        updated_at -> Timestamp,
    }
}

diesel::table! {
    revoked_tokens (jti) {
        jti -> Text,
        user_id -> BigInt,
        expires_at -> Timestamp,
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
        answered_by_id -> BigInt,
        answered_at -> Timestamp,
    }
}

diesel::table! {
    defects (id) {
        id -> BigInt,
        inspection_id -> BigInt,
        checklist_item_id -> BigInt,
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
    }
}

diesel::table! {
    routine_asset_types (id) {
        id -> BigInt,
        routine_id -> BigInt,
        equipment_type -> Text,
    }
}

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
        // `stopped` while the assessment holds the machine; refers to the machine's status.
        equipment_hold -> Nullable<Text>,
        stopped_from -> Nullable<Text>,
        released_at -> Nullable<Timestamp>,
        released_by_id -> Nullable<BigInt>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
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
    equipment_schedules (id) {
        id -> BigInt,
        equipment_id -> BigInt,
        day_of_week -> Integer,
        created_by_id -> Nullable<BigInt>,
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

diesel::joinable!(checklist_items -> checklist_templates (template_id));
diesel::joinable!(inspection_answers -> inspections (inspection_id));
diesel::joinable!(inspection_answers -> checklist_items (checklist_item_id));
diesel::joinable!(inspection_assignments -> equipment (equipment_id));
diesel::joinable!(equipment_schedules -> equipment (equipment_id));
diesel::joinable!(job_pauses -> jobs (job_id));
diesel::joinable!(jobs -> defects (defect_id));
diesel::joinable!(routine_asset_types -> inspection_routines (routine_id));

diesel::allow_tables_to_appear_in_same_query!(
    audit_entries,
    badges,
    bonus_stars,
    checklist_items,
    checklist_templates,
    defect_assessments,
    defects,
    equipment,
    equipment_schedules,
    equipment_status_changes,
    equipment_weekly_completions,
    evidence,
    files,
    final_assessments,
    inspection_answers,
    inspection_assignments,
    inspection_lists,
    inspection_ratings,
    inspection_routines,
    inspections,
    job_cleanings,
    job_counters,
    job_pauses,
    jobs,
    leaves,
    notifications,
    point_entries,
    quality_reviews,
    revoked_tokens,
    routine_asset_types,
    takeovers,
    users,
);
