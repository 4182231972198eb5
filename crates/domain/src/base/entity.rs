//! Stored objects, as the audit trail, notifications and the change feed refer to them.

use std::borrow::Cow;

use crate::{ids::UserId, input::text_enum, search::SearchedTexts};

text_enum! {
    /// Type of an entity in the change feed.
    pub enum ChangedKind {
        /// Assignment of the user's team.
        Assignment = "assignment",
        /// Inspection by the user.
        Inspection = "inspection",
        /// Job of the user.
        Job = "job",
        /// Defect that the user is responsible for.
        Defect = "defect",
        /// A notification.
        Notification = "notification",
    }
}

/// A stored object that the audit trail, notifications and the change feed refer to.
pub trait Entity {
    /// Name in the audit trail and in notifications.
    const NAME: &'static str;

    /// Name in messages to users.
    const LABEL: &'static str = Self::NAME;

    /// Path of the entity's resource in the API, to which notifications link.
    const PATH: Option<&'static str> = None;

    /// Kind in the change feed, if the feed has the entity (§15).
    const CHANGED_KIND: Option<ChangedKind> = None;

    /// Primary key.
    fn id(&self) -> i64;

    /// Name of this entity, where it depends on its kind.
    fn name(&self) -> &'static str {
        Self::NAME
    }

    /// Path of this entity's resource, where it depends on its kind.
    fn path(&self) -> Option<&'static str> {
        Self::PATH
    }

    /// Texts that the list of the entities searches, if it does.
    fn searched(&self) -> Option<SearchedTexts<'_>> {
        None
    }

    /// People whose change feed has the entity.
    fn followers(&self) -> Vec<UserId> {
        Vec::new()
    }

    /// The state that a version of this entity covers (§15): all of it, but for values that follow
    /// from other objects.
    fn own_state(&self) -> Cow<'_, Self>
    where
        Self: Clone,
    {
        Cow::Borrowed(self)
    }
}
