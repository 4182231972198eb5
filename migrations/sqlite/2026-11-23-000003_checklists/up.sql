CREATE TABLE checklist_templates (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    name_ar TEXT,
    equipment_type TEXT NOT NULL,
    version TEXT NOT NULL,
    is_active BOOLEAN NOT NULL,
    created_by_id BIGINT REFERENCES users (id),
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT checklist_templates_equipment_type_version_key UNIQUE (equipment_type, version)
);
CREATE INDEX checklist_templates_active_idx ON checklist_templates (equipment_type, is_active, id);
CREATE INDEX checklist_templates_is_active_idx ON checklist_templates (is_active, id);
CREATE INDEX checklist_templates_name_idx ON checklist_templates (name, id);
CREATE INDEX checklist_templates_created_at_idx ON checklist_templates (created_at, id);
CREATE INDEX checklist_templates_created_by_id_idx ON checklist_templates (created_by_id);

CREATE TABLE checklist_items (
    id INTEGER NOT NULL PRIMARY KEY AUTOINCREMENT,
    template_id BIGINT NOT NULL REFERENCES checklist_templates (id),
    question_text TEXT NOT NULL,
    question_text_ar TEXT,
    answer_type TEXT NOT NULL
        CONSTRAINT checklist_items_answer_type_check CHECK (answer_type IN ('pass_fail', 'yes_no', 'numeric', 'text')),
    category TEXT CONSTRAINT checklist_items_category_check CHECK (category IN ('mechanical', 'electrical')),
    is_required BOOLEAN NOT NULL,
    order_index INTEGER NOT NULL CONSTRAINT checklist_items_order_index_check CHECK (order_index >= 0),
    critical_failure BOOLEAN NOT NULL,
    pass_fail_rule TEXT,
    created_at TIMESTAMP NOT NULL,
    updated_at TIMESTAMP NOT NULL,
    CONSTRAINT checklist_items_order_index_key UNIQUE (template_id, order_index),
    CONSTRAINT checklist_items_pass_fail_rule_check CHECK (pass_fail_rule IS NULL OR answer_type = 'numeric')
);
