//! The audit trail: who changed what of which object, when and from where. It only grows.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    ids::{AuditId, UserId},
    input::{input, text_enum},
    text::Text,
    time::{Date, Instant},
};

text_enum! {
    /// What was done to an object.
    pub enum AuditAction {
        /// Made.
        Create = "create",
        /// Changed.
        Update = "update",
        /// Removed.
        Delete = "delete",
        /// An account or machine taken out of use.
        Deactivate = "deactivate",
        /// A password changed by its owner.
        ChangePassword = "change_password",
        /// A password changed by somebody else.
        ResetPassword = "reset_password",
        /// A session ended.
        Logout = "logout",
        /// All sessions ended.
        LogoutAll = "logout_all",
        /// An inspection begun.
        Start = "start",
        /// A question answered.
        Answer = "answer",
        /// An inspection handed in.
        Submit = "submit",
        /// An inspection looked through.
        Review = "review",
        /// A defect repaired.
        Resolve = "resolve",
        /// A defect done with.
        Close = "close",
        /// A defect open again.
        Reopen = "reopen",
        /// Notifications read.
        Read = "read",
        /// Points booked.
        Award = "award",
        /// A daily list made or completed with what was missing.
        Generate = "generate",
        /// A team given to an assignment.
        Assign = "assign",
        /// One half of an assignment done, or the whole.
        Complete = "complete",
        /// A verdict on a machine given.
        Verdict = "verdict",
        /// An assessment decided by an admin.
        Decide = "decide",
        /// A machine stopped for safety.
        Stop = "stop",
        /// A stopped machine released.
        Release = "release",
        /// The planned time of a job entered.
        Plan = "plan",
        /// A pause asked for.
        Request = "request",
        /// A request or work approved.
        Approve = "approve",
        /// A request denied.
        Deny = "deny",
        /// A job paused.
        Pause = "pause",
        /// A paused job going on.
        Resume = "resume",
        /// A job left undone.
        LeaveIncomplete = "leave_incomplete",
        /// Something that there is no need for any more.
        Cancel = "cancel",
        /// A job given to somebody else.
        Reassign = "reassign",
        /// Work rated.
        Rate = "rate",
        /// Work found not good enough.
        Reject = "reject",
        /// A leave that is over.
        End = "end",
        /// A rejection decided on.
        Validate = "validate",
    }
}

/// One line of the trail.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable),
    diesel(table_name = crate::schema::audit_entries, treat_none_as_default_value = false)
)]
pub struct AuditEntry {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: AuditId,
    /// When.
    pub at: Instant,
    /// Who; nobody when the service or its operator did.
    pub actor_id: Option<UserId>,
    /// What was done.
    pub action: AuditAction,
    /// Kind of the object.
    pub entity_type: String,
    /// Number of the object.
    pub entity_id: Option<i64>,
    /// Address the request came from.
    pub address: Option<String>,
    /// The request.
    pub request_id: Option<String>,
    /// Old and new value of every field that changed, as a JSON object.
    pub changes: Changes,
}

/// Old and new values by field: `{"status": {"old": "draft", "new": "submitted"}}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema), schema(value_type = Object))]
#[cfg_attr(feature = "diesel", derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow))]
#[cfg_attr(feature = "diesel", diesel(sql_type = diesel::sql_types::Text))]
#[serde(transparent)]
pub struct Changes(pub Map<String, Value>);

impl Changes {
    /// What differs between two forms of an object; `None` stands for one that isn't there yet or any more.
    /// When it was touched goes without saying.
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

    /// One fact that is no field of the object, such as a reason.
    #[must_use]
    pub fn with(mut self, field: &str, new: impl Into<Value>) -> Self {
        self.0.insert(field.to_owned(), json!({"old": null, "new": new.into()}));
        self
    }

    /// Something that went with the object, such as its parts.
    #[must_use]
    pub fn without<T: Serialize>(mut self, field: &str, old: &T) -> Self {
        self.0.insert(field.to_owned(), json!({"old": old, "new": null}));
        self
    }

    /// Something that goes with the object, such as its parts, and takes the place of something else.
    #[must_use]
    pub fn replaced<T: Serialize>(mut self, field: &str, old: &T, new: &T) -> Self {
        self.0.insert(field.to_owned(), json!({"old": old, "new": new}));
        self
    }

    /// Whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing that is told.
    pub fn none() -> Self {
        Self(Map::new())
    }
}

input! {
    /// Which lines of the trail, newest first.
    pub struct AuditFilter {
        /// Of this person.
        user_id | "user" | "actor_id": Option<UserId>,
        /// Of this kind.
        action: Option<AuditAction>,
        /// About this kind of object.
        entity_type | "entity": Option<Text<50>>,
        /// About this object.
        entity_id: Option<i64>,
        /// On this day or later, site time.
        date_from: Option<Date>,
        /// On this day or earlier, site time.
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
    fn only_what_differs_is_told() {
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
        assert_eq!(Changes::between(Some(&before), Some(&before)), Changes::none());
        assert!(
            !Changes::between(None, Some(&after)).0.contains_key("manufacturer"),
            "absent values are not told"
        );
    }
}
