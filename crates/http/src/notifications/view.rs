//! Notifications as the API shows them.

use inspection_domain::{notifications::Notification, text::Language};
use serde::Serialize;
use utoipa::ToSchema;

inspection_domain::shows!(NotificationView {});

/// A notification.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct NotificationView {
    #[serde(flatten)]
    notification: Notification,
    /// Title in English.
    title_en: String,
    /// Text in English.
    message_en: String,
}

impl NotificationView {
    /// The notification in this language.
    pub(crate) fn new(mut notification: Notification, language: Language) -> Self {
        let (title_en, message_en) = (notification.title, notification.message);
        let chosen = |english: &str, arabic: &str| language.choose(english, Some(arabic)).to_owned();
        notification.title = chosen(&title_en, &notification.title_ar);
        notification.message = chosen(&message_en, &notification.message_ar);
        Self { notification, title_en, message_en }
    }
}
