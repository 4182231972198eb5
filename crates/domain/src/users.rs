//! People: roles, badges, and permissions on accounts (rule book §1).

mod identity;
pub mod open_work;
mod password;
mod role;

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    ids::UserId,
    input::{AnyOf, Change, Invalid, Patch, input, text_enum},
    message,
    message::Message,
    page::Sort,
    rule::{Code, Rule},
    search::{SearchedKind, SearchedTexts},
    text::{Language, Text},
    time::Instant,
};

pub use identity::{Badge, Email};
pub use password::Password;
pub use role::Role;

text_enum! {
    /// Trade of an inspector or specialist, and of a question or defect.
    pub enum Category {
        /// Mechanical.
        Mechanical = "mechanical",
        /// Electrical.
        Electrical = "electrical",
    }
}

impl Category {
    /// The other trade.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Mechanical => Self::Electrical,
            Self::Electrical => Self::Mechanical,
        }
    }
}

text_enum! {
    /// Shift of twelve hours.
    pub enum Shift {
        /// From 07:00, site time.
        Day = "day",
        /// From 19:00, site time.
        Night = "night",
    }
}

impl Shift {
    /// Hour at which the shift begins, site time (§4).
    pub const fn first_hour(self) -> i8 {
        match self {
            Self::Day => 7,
            Self::Night => 19,
        }
    }
}

/// A person with an account. The password hash is not part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::users, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct User {
    /// Primary key.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: UserId,
    /// E-mail address for signing in; unique.
    pub email: String,
    /// Full name.
    pub full_name: String,
    /// Telephone number.
    pub phone: Option<String>,
    /// Language of texts and notifications.
    pub language: Language,
    /// Major role.
    pub role: Role,
    /// Badge of the major role, unique.
    pub role_id: String,
    /// Second role; never admin.
    pub minor_role: Option<Role>,
    /// Badge of the second role, unique.
    pub minor_role_id: Option<String>,
    /// Trade; required for inspectors.
    pub specialization: Option<Category>,
    /// Regular shift.
    pub shift: Option<Shift>,
    /// Sum of all points, maintained by the ledger.
    pub total_points: i64,
    /// Points earned as inspector.
    pub inspector_points: i64,
    /// Points earned as specialist.
    pub specialist_points: i64,
    /// Points earned as engineer.
    pub engineer_points: i64,
    /// Points earned as quality engineer.
    pub qe_points: i64,
    /// Whether an approved leave includes today.
    pub is_on_leave: bool,
    /// Absent person this person covers for.
    pub leave_coverage_for: Option<UserId>,
    /// Whether the account can sign in.
    pub is_active: bool,
    /// Whether the password was set by another person and must be changed first.
    pub must_change_password: bool,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
}

crate::shows!(User {});

impl crate::entity::Entity for User {
    const NAME: &'static str = "user";

    fn id(&self) -> i64 {
        self.id.get()
    }

    fn searched(&self) -> Option<SearchedTexts<'_>> {
        let texts = [Some(self.full_name.as_str()), Some(self.email.as_str()), Some(self.role_id.as_str())];
        Some(SearchedTexts::new(SearchedKind::User, texts))
    }

    /// Points follow from the ledger, and the absence from leaves.
    fn own_state(&self) -> Cow<'_, Self> {
        Cow::Owned(Self {
            total_points: 0,
            inspector_points: 0,
            specialist_points: 0,
            engineer_points: 0,
            qe_points: 0,
            is_on_leave: false,
            ..self.clone()
        })
    }
}

impl User {
    /// Validates a new password of the person (§1).
    pub fn validate_password(&self, password: &Password) -> Result<(), Invalid> {
        let minor = self.minor_role_id.as_deref().unwrap_or_default();
        password.validate(&self.email, &[&self.full_name, &self.role_id, minor])
    }

    /// Whether the major or the minor role is this one. Admin counts as a major role only (§1).
    pub fn has(&self, role: Role) -> bool {
        self.role == role || (role != Role::Admin && self.minor_role == Some(role))
    }

    /// Badge in a role, or the badge of the major role if the person does not have the role.
    pub fn badge_of(&self, role: Role) -> &str {
        match &self.minor_role_id {
            Some(badge) if self.role != role && self.minor_role == Some(role) => badge,
            _ => &self.role_id,
        }
    }

    /// Checks that the password doesn't have to be changed first, on the page at this address (§1).
    pub fn require_own_password(&self, page: impl FnOnce() -> String) -> Result<(), PasswordChangeRequired> {
        if self.must_change_password { Err(PasswordChangeRequired { page: page() }) } else { Ok(()) }
    }

    /// Whether the major role is admin.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether the account is an admin that can sign in.
    pub(crate) fn is_active_admin(&self) -> bool {
        self.is_admin() && self.is_active
    }

    /// Checks the invariants of every account (§1).
    pub fn validate(&self) -> Result<(), Invalid> {
        let mut errors = Invalid::default();
        if self.has(Role::Inspector) && self.specialization.is_none() {
            errors.extend(Invalid::field("specialization", "is required for an inspector"));
        }
        if self.minor_role == Some(Role::Admin) {
            errors.extend(Invalid::field("minor_role", "may not be admin"));
        } else if self.minor_role == Some(self.role) {
            errors.extend(Invalid::field("minor_role", "must differ from the role"));
        }
        if self.minor_role.is_none() && self.minor_role_id.is_some() {
            errors.extend(Invalid::field("minor_role_id", "needs a minor role"));
        }
        errors.into_result()
    }
}

/// A person, embedded in other objects.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct UserSummary {
    /// Primary key.
    pub id: UserId,
    /// E-mail address; only admins and the person see it.
    pub email: Option<String>,
    /// Full name.
    pub full_name: String,
    /// Telephone number; only admins and the person see it.
    pub phone: Option<String>,
    /// Language of texts and notifications.
    pub language: Language,
    /// Major role.
    pub role: Role,
    /// Badge of the major role.
    pub role_id: String,
    /// Badge of the major role.
    pub employee_id: String,
    /// Second role.
    pub minor_role: Option<Role>,
    /// Badge of the second role.
    pub minor_role_id: Option<String>,
    /// Trade.
    pub specialization: Option<Category>,
    /// Regular shift.
    pub shift: Option<Shift>,
    /// Sum of all points.
    pub total_points: i64,
    /// Points earned as inspector.
    pub inspector_points: i64,
    /// Points earned as specialist.
    pub specialist_points: i64,
    /// Points earned as engineer.
    pub engineer_points: i64,
    /// Points earned as quality engineer.
    pub qe_points: i64,
    /// Whether an approved leave includes today.
    pub is_on_leave: bool,
    /// Whether the account can sign in.
    pub is_active: bool,
    /// Creation time.
    pub created_at: Instant,
    /// Time of the last change.
    pub updated_at: Instant,
}

impl User {
    /// The account as another object shows it to this reader. Private fields are empty unless the
    /// reader may see the account (§1).
    pub fn seen_by(self, reader: &Self) -> UserSummary {
        let is_visible = may_see(reader, self.id).is_ok();
        UserSummary {
            id: self.id,
            email: is_visible.then_some(self.email),
            full_name: self.full_name,
            phone: self.phone.filter(|_| is_visible),
            language: self.language,
            role: self.role,
            employee_id: self.role_id.clone(),
            role_id: self.role_id,
            minor_role: self.minor_role,
            minor_role_id: self.minor_role_id,
            specialization: self.specialization,
            shift: self.shift,
            total_points: self.total_points,
            inspector_points: self.inspector_points,
            specialist_points: self.specialist_points,
            engineer_points: self.engineer_points,
            qe_points: self.qe_points,
            is_on_leave: self.is_on_leave,
            is_active: self.is_active,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

input! {
    /// An account to create.
    pub struct NewUser {
        /// E-mail address for signing in.
        email: Email,
        /// Password: 8 to 128 characters, not the e-mail address, not easily guessed.
        password: Password,
        /// Full name.
        full_name: Text<120>,
        /// Telephone number.
        phone: Option<Text<40>>,
        /// Language; English if absent.
        language: Option<Language>,
        /// Major role.
        role: Role,
        /// Badge; the next free badge of the role if absent.
        role_id | "employee_id": Option<Badge>,
        /// Second role.
        minor_role: Option<Role>,
        /// Badge of the second role; the next free badge if absent.
        minor_role_id: Option<Badge>,
        /// Trade; required for inspectors.
        specialization: Option<Category>,
        /// Regular shift.
        shift: Option<Shift>,
    }
}

input! {
    /// Changes of an account.
    pub struct UserChanges {
        /// E-mail address for signing in.
        email: Change<Email>,
        /// Full name.
        full_name: Change<Text<120>>,
        /// Telephone number.
        phone: Patch<Text<40>>,
        /// Language.
        language: Change<Language>,
        /// Major role; a new role gets a new badge unless one is given.
        role: Change<Role>,
        /// Badge of the major role.
        role_id | "employee_id": Change<Badge>,
        /// Second role.
        minor_role: Patch<Role>,
        /// Badge of the second role.
        minor_role_id: Option<Badge>,
        /// Trade.
        specialization: Patch<Category>,
        /// Regular shift.
        shift: Patch<Shift>,
        /// Whether the account can sign in.
        is_active: Change<bool>,
    }
}

input! {
    /// Changes of the user's own account.
    pub struct OwnChanges {
        /// Telephone number.
        phone: Patch<Text<40>>,
        /// Language of texts and notifications.
        language: Change<Language>,
    }
}

impl OwnChanges {
    /// Applies the changes to the account (§1).
    #[must_use]
    pub fn apply(self, before: &User, now: Instant) -> User {
        let mut user = User { updated_at: now, ..before.clone() };
        self.phone.apply(&mut user.phone);
        self.language.apply(&mut user.language);
        user
    }
}

/// An account before its badges are assigned, with the badges it requests.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The account with its present badges.
    pub user: User,
    /// Badge requested for the major role; `None` keeps the present one.
    pub badge: Option<BadgeRequest>,
    /// Badge requested for the second role; `None` keeps the present one.
    pub minor_badge: Option<BadgeRequest>,
}

/// A request for a badge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BadgeRequest {
    /// This badge.
    Chosen(Badge),
    /// The next free badge of the role.
    NextOf(Role),
}

impl NewUser {
    /// Builds the account, without its badges. A password that another person has set must be
    /// changed.
    pub fn draft(self, creator: Option<UserId>, now: Instant) -> Result<Draft, Invalid> {
        let mut errors = Invalid::default();
        let badges = [&self.role_id, &self.minor_role_id].map(|badge| badge.as_ref().map(Badge::as_str));
        let words: Vec<&str> =
            std::iter::once(&*self.full_name).chain(badges.into_iter().flatten()).collect();
        errors.collect("password", self.password.validate(self.email.as_str(), &words));
        let badge = self.role_id.map_or(BadgeRequest::NextOf(self.role), BadgeRequest::Chosen);
        let minor_badge = match (self.minor_role, self.minor_role_id) {
            (_, Some(badge)) => Some(BadgeRequest::Chosen(badge)),
            (Some(role), None) => Some(BadgeRequest::NextOf(role)),
            (None, None) => None,
        };
        let user = User {
            id: UserId::UNSAVED,
            email: self.email.into(),
            full_name: self.full_name.into(),
            phone: self.phone.map(Into::into),
            language: self.language.unwrap_or(Language::En),
            role: self.role,
            role_id: String::new(),
            minor_role: self.minor_role,
            minor_role_id: minor_badge.as_ref().map(|_| String::new()),
            specialization: self.specialization,
            shift: self.shift,
            total_points: 0,
            inspector_points: 0,
            specialist_points: 0,
            engineer_points: 0,
            qe_points: 0,
            is_on_leave: false,
            leave_coverage_for: None,
            is_active: true,
            must_change_password: creator.is_some(),
            created_at: now,
            updated_at: now,
        };
        if let Err(wrong) = user.validate() {
            errors.extend(wrong);
        }
        errors.into_result().map(|()| Draft { user, badge: Some(badge), minor_badge })
    }
}

impl UserChanges {
    /// Applies the changes to an account, except for its badges.
    pub fn draft(self, before: &User, now: Instant) -> Result<Draft, Invalid> {
        let mut user = User { updated_at: now, ..before.clone() };
        self.email.apply(&mut user.email);
        self.full_name.apply(&mut user.full_name);
        self.phone.apply(&mut user.phone);
        self.language.apply(&mut user.language);
        self.role.apply(&mut user.role);
        self.minor_role.apply(&mut user.minor_role);
        self.specialization.apply(&mut user.specialization);
        self.shift.apply(&mut user.shift);
        self.is_active.apply(&mut user.is_active);
        let keeps_badge = self.role_id.is_given();
        let badge = match self.role_id.find(|badge| badge.as_str() != before.role_id) {
            Some(badge) => Some(BadgeRequest::Chosen(badge)),
            None if keeps_badge => None,
            None => (user.role != before.role).then_some(BadgeRequest::NextOf(user.role)),
        };
        let minor_badge = match (user.minor_role, self.minor_role_id) {
            (None, None) => {
                user.minor_role_id = None;
                None
            }
            (_, Some(badge)) => {
                let other = user.minor_role_id.as_deref() != Some(badge.as_str());
                user.minor_role_id.get_or_insert_default();
                other.then_some(BadgeRequest::Chosen(badge))
            }
            (Some(role), None) if user.minor_role != before.minor_role => {
                user.minor_role_id.get_or_insert_default();
                Some(BadgeRequest::NextOf(role))
            }
            (Some(_), None) => None,
        };
        user.validate()?;
        Ok(Draft { user, badge, minor_badge })
    }
}

text_enum! {
    /// Sort key of people.
    pub enum UserOrder {
        /// Primary key.
        Id = "id",
        /// Full name.
        FullName = "full_name",
        /// E-mail address.
        Email = "email",
        /// Badge.
        RoleId = "role_id",
        /// Total points.
        TotalPoints = "total_points",
        /// Creation time.
        CreatedAt = "created_at",
    }
}

input! {
    /// Filter and order of a list of people.
    pub struct UserFilter {
        /// Filter by role, major or minor.
        role: AnyOf<Role>,
        /// Filter by shift.
        shift: AnyOf<Shift>,
        /// Filter by trade.
        specialization: AnyOf<Category>,
        /// Filter by whether the account can sign in; `true` if absent.
        is_active: Option<bool>,
        /// Filter by whether the person is on leave.
        is_on_leave: Option<bool>,
        /// Beginnings of words in name, e-mail address and badge, all of which must match.
        q | "search": Option<Text<100>>,
        /// Sort order; by name if absent.
        sort: Option<Sort<UserOrder>>,
    }
}

/// Reasons for rejecting a command on an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserRule {
    /// At least one admin must be able to sign in (§1).
    #[error("the last active admin can be neither deactivated nor demoted")]
    LastAdmin,
    /// An admin resets their own password, which would not need the current one (§1).
    #[error("change your own password with the current one")]
    OwnReset,
    /// The current password, required for a change, is wrong (§1).
    #[error("the current password is wrong")]
    WrongPassword,
}

impl Rule for UserRule {
    fn code(&self) -> Code {
        match self {
            Self::LastAdmin | Self::OwnReset => Code::RuleViolation,
            Self::WrongPassword => Code::ValidationError,
        }
    }

    fn fields(&self) -> Vec<crate::rule::FieldError> {
        match self {
            Self::LastAdmin | Self::OwnReset => Vec::new(),
            Self::WrongPassword => Invalid::field("current_password", "is wrong").fields(),
        }
    }
}

/// The password was set by another person: its owner must change it before anything else (§1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.message())]
pub struct PasswordChangeRequired {
    /// Address of the page to change it.
    pub page: String,
}

impl Rule for PasswordChangeRequired {
    fn code(&self) -> Code {
        Code::PasswordChangeRequired
    }

    fn message(&self) -> Message {
        message!("your password was set by another person, change it first: {page}", page = self.page)
    }

    fn details(&self) -> Option<serde_json::Value> {
        Some(serde_json::json!({"change_password_page": self.page}))
    }
}

/// Checks that an active admin remains after a change, given the number of other active admins
/// (§1).
pub fn keeps_an_admin(before: &User, after: &User, other_active_admins: usize) -> Result<(), UserRule> {
    if before.is_active_admin() && !after.is_active_admin() && other_active_admins == 0 {
        return Err(UserRule::LastAdmin);
    }
    Ok(())
}

/// Requires the person that a field names to exist and to be active.
pub fn active(person: Option<User>, field: &str) -> Result<User, Invalid> {
    let active = person.filter(|person| person.is_active);
    active.ok_or_else(|| Invalid::field(field, "must be an active person"))
}

/// Checks that the actor may see this account and its ledger: admins see all, others their own
/// (§1).
pub fn may_see(actor: &User, id: UserId) -> Result<(), crate::rule::Forbidden> {
    if actor.is_admin() || actor.id == id {
        return Ok(());
    }
    Err(crate::rule::Forbidden("only the user or an admin may see this"))
}

#[cfg(test)]
mod tests;
