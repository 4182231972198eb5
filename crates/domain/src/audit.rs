//! Audit trail: actor, action, object, time and origin of every change. Entries are never changed.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    entity::Entity,
    ids::{AuditId, UserId},
    input::{AnyOf, input, text_enum},
    text::Text,
    time::{Date, Instant},
    users::User,
};

text_enum! {
    /// Action of an audit entry.
    pub enum AuditAction {
        /// Object created.
        Create = "create",
        /// Object changed.
        Update = "update",
        /// Object deleted.
        Delete = "delete",
        /// Account or machine deactivated.
        Deactivate = "deactivate",
        /// Password changed by its owner.
        ChangePassword = "change_password",
        /// Password reset by another user.
        ResetPassword = "reset_password",
        /// Signed in.
        SignIn = "sign_in",
        /// Sign-in refused.
        FailSignIn = "fail_sign_in",
        /// Attempts at the password of an account delayed, after failures.
        DelaySignIn = "delay_sign_in",
        /// Session continued with a refresh token.
        Refresh = "refresh",
        /// Session ended by its user.
        Logout = "logout",
        /// All sessions ended by their user.
        LogoutAll = "logout_all",
        /// Refresh token used twice, which ended its session.
        ReuseToken = "reuse_token",
        /// Signed link to a file created.
        CreateLink = "create_link",
        /// File opened by a signed link.
        OpenLink = "open_link",
        /// Inspection started.
        Start = "start",
        /// Question answered.
        Answer = "answer",
        /// Inspection submitted.
        Submit = "submit",
        /// Inspection reviewed.
        Review = "review",
        /// Defect resolved.
        Resolve = "resolve",
        /// Defect closed.
        Close = "close",
        /// Defect reopened.
        Reopen = "reopen",
        /// Defect dismissed as a false alarm.
        Dismiss = "dismiss",
        /// Notifications read.
        Read = "read",
        /// Points awarded or deducted.
        Award = "award",
        /// Daily list generated or extended.
        Generate = "generate",
        /// Team assigned to an assignment.
        Assign = "assign",
        /// Team of an assignment withdrawn.
        Unassign = "unassign",
        /// Assignment, or a half of it, completed.
        Complete = "complete",
        /// Verdict on a machine recorded.
        Verdict = "verdict",
        /// Assessment decided by an admin.
        Decide = "decide",
        /// Machine stopped for safety.
        Stop = "stop",
        /// Stopped machine released.
        Release = "release",
        /// Planned time of a job entered.
        Plan = "plan",
        /// Pause, takeover, leave or bonus requested.
        Request = "request",
        /// Request or work approved.
        Approve = "approve",
        /// Request denied.
        Deny = "deny",
        /// A job paused.
        Pause = "pause",
        /// Paused job resumed.
        Resume = "resume",
        /// Job left incomplete.
        LeaveIncomplete = "leave_incomplete",
        /// Obsolete request or job cancelled.
        Cancel = "cancel",
        /// Job transferred to another owner.
        Reassign = "reassign",
        /// Work rated.
        Rate = "rate",
        /// Work rejected.
        Reject = "reject",
        /// Leave ended.
        End = "end",
        /// Rejection validated or found invalid.
        Validate = "validate",
    }
}

/// An entry of the audit trail.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::audit_entries, treat_none_as_default_value = false)
)]
pub struct AuditEntry {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AuditId,
    /// Time of the action.
    pub at: Instant,
    /// Acting user; none for the service, its operator, or a client without a session.
    pub actor_id: Option<UserId>,
    /// Action.
    pub action: AuditAction,
    /// Type of the object.
    pub entity_type: String,
    /// Primary key of the object.
    pub entity_id: Option<i64>,
    /// Network address of the request.
    pub address: Option<String>,
    /// Identifier of the request.
    pub request_id: Option<String>,
    /// Old and new value of every field that changed, as a JSON object.
    pub changes: Changes,
}

/// Fields of an account that decide on access.
const RIGHTS: [&str; 5] = ["email", "role", "minor_role", "role_id", "is_active"];

impl AuditEntry {
    /// Whether the entry concerns access to the service: sign-ins, sessions, passwords, links, and
    /// the rights of accounts. Such entries name the user agent and are also logged.
    pub fn is_security_event(&self) -> bool {
        match self.action {
            AuditAction::SignIn
            | AuditAction::FailSignIn
            | AuditAction::DelaySignIn
            | AuditAction::Refresh
            | AuditAction::Logout
            | AuditAction::LogoutAll
            | AuditAction::ReuseToken
            | AuditAction::CreateLink
            | AuditAction::OpenLink
            | AuditAction::ChangePassword
            | AuditAction::ResetPassword => true,
            _ => {
                let changes = &self.changes.0;
                self.entity_type == User::NAME && RIGHTS.iter().any(|field| changes.contains_key(*field))
            }
        }
    }
}

/// Old and new values by field: `{"status": {"old": "draft", "new": "submitted"}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = std::collections::BTreeMap<String, Value>))]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[serde(transparent)]
pub struct Changes(pub Map<String, Value>);

impl Changes {
    /// Differences between two states of an object; `None` stands for an object that does not
    /// exist. Timestamps of the last change are omitted.
    pub fn between<T: Serialize>(before: Option<&T>, after: Option<&T>) -> Self {
        let fields = |object: Option<&T>| match object.map(serde_json::to_value) {
            Some(Ok(Value::Object(map))) => map,
            _ => Map::new(),
        };
        let (old, mut new) = (fields(before), fields(after));
        let mut changes = Map::new();
        for (field, old) in old {
            let new = new.remove(&field).unwrap_or(Value::Null);
            if old != new && field != "updated_at" {
                changes.insert(field, json!({"old": old, "new": new}));
            }
        }
        for (field, new) in new.into_iter().filter(|(field, new)| !new.is_null() && field != "updated_at") {
            changes.insert(field, json!({"old": null, "new": new}));
        }
        Self(changes)
    }

    /// Adds a fact that is not a field of the object, such as a reason.
    #[must_use]
    pub fn with(mut self, field: &str, new: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), json!({"old": null, "new": new.into()}));
        self
    }

    /// Adds a removed part of the object.
    #[must_use]
    pub fn without<T: Serialize>(mut self, field: &str, old: &T) -> Self {
        self.0.insert(field.to_owned(), json!({"old": old, "new": null}));
        self
    }

    /// Adds a replaced part of the object.
    #[must_use]
    pub fn replaced<T: Serialize>(mut self, field: &str, old: &T, new: &T) -> Self {
        self.0.insert(field.to_owned(), json!({"old": old, "new": new}));
        self
    }

    /// Whether there are no differences.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// An empty set of changes.
    pub fn none() -> Self {
        Self(Map::new())
    }
}

input! {
    /// Filter of a list of audit entries, newest first.
    pub struct AuditFilter {
        /// Filter by acting user.
        user_id | "user" | "actor_id": Option<UserId>,
        /// Filter by action.
        action: AnyOf<AuditAction>,
        /// Filter by type of the object.
        entity_type | "entity": Option<Text<50>>,
        /// Filter by primary key of the object.
        entity_id: Option<i64>,
        /// Earliest day, site time.
        date_from: Option<Date>,
        /// Latest day, site time.
        date_to: Option<Date>,
    }
}

#[cfg(feature = "diesel")]
crate::input::stored_as_json!(Changes);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::equipment::{Equipment, EquipmentStatus};
    use crate::testing::equipment;

    #[test]
    fn only_differences_are_recorded() {
        let before = equipment();
        let after = Equipment {
            status: EquipmentStatus::Stopped,
            berth: Some("B7".into()),
            updated_at: before.updated_at.plus_seconds(9),
            ..before.clone()
        };
        let changes = Changes::between(Some(&before), Some(&after));
        assert_eq!(
            serde_json::to_value(&changes).expect("json"),
            json!({"status": {"old": "active", "new": "stopped"}, "berth": {"old": null, "new": "B7"}})
        );
        assert!(!changes.is_empty());
        assert_eq!(Changes::between(Some(&before), Some(&before)), Changes::none());
        assert!(Changes::none().is_empty());
    }

    #[test]
    fn a_new_or_deleted_object_is_recorded_without_absent_values_and_the_last_change() {
        #[derive(Serialize)]
        struct Sample {
            id: i64,
            berth: Option<&'static str>,
            updated_at: i64,
        }
        let sample = Sample { id: 7, berth: None, updated_at: 1 };
        let json = |before, after| serde_json::to_value(Changes::between(before, after)).expect("json");
        assert_eq!(json(None, Some(&sample)), json!({"id": {"old": null, "new": 7}}));
        assert_eq!(json(Some(&sample), None), json!({"id": {"old": 7, "new": null}}));
        assert_eq!(json(None, None), json!({}));
    }

    #[test]
    fn facts_beyond_the_fields_are_added() {
        let changes = Changes::none().with("reason", "late").without("item", &json!({"id": 7})).replaced(
            "answer",
            &json!("pass"),
            &json!("fail"),
        );
        assert_eq!(
            serde_json::to_value(&changes).expect("json"),
            json!({
                "reason": {"old": null, "new": "late"},
                "item": {"old": {"id": 7}, "new": null},
                "answer": {"old": "pass", "new": "fail"},
            })
        );
    }

    #[test]
    fn entries_about_access_are_security_events() {
        let entry = |action, entity_type: &str, changes| AuditEntry {
            id: AuditId::UNSAVED,
            at: Instant::parse("2026-03-02T08:00:00Z").expect("an instant"),
            actor_id: None,
            action,
            entity_type: entity_type.into(),
            entity_id: Some(7),
            address: None,
            request_id: None,
            changes,
        };
        let events: Vec<&str> = AuditAction::ALL
            .iter()
            .filter(|action| entry(**action, "user", Changes::none()).is_security_event())
            .map(|action| action.as_str())
            .collect();
        let expected = [
            "change_password",
            "reset_password",
            "sign_in",
            "fail_sign_in",
            "delay_sign_in",
            "refresh",
            "logout",
            "logout_all",
            "reuse_token",
            "create_link",
            "open_link",
        ];
        assert_eq!(events, expected);
        for (field, is_event) in [
            ("email", true),
            ("role", true),
            ("minor_role", true),
            ("role_id", true),
            ("is_active", true),
            ("phone", false),
        ] {
            let changed = |entity: &str| entry(AuditAction::Update, entity, Changes::none().with(field, "x"));
            assert_eq!(changed("user").is_security_event(), is_event, "{field}");
            assert!(!changed("equipment").is_security_event(), "{field}");
        }
    }
}
