//! People: roles, badges, who may do what to an account (rule book §1).

use serde::Serialize;

use crate::{
    ids::UserId,
    input::{Change, Given, Invalid, Patch, Scalar, input, text_enum},
    page::Sort,
    rule::{Code, Rule},
    text::{Language, Text},
    time::Instant,
};

text_enum! {
    /// What somebody does at the site.
    pub enum Role {
        /// Runs the service.
        Admin = "admin",
        /// Inspects equipment.
        Inspector = "inspector",
        /// Repairs equipment.
        Specialist = "specialist",
        /// Plans repairs and projects.
        Engineer = "engineer",
        /// Reviews repairs.
        QualityEngineer = "quality_engineer",
    }
}

impl Role {
    /// The letters a badge of this role begins with.
    pub const fn badge_prefix(self) -> &'static str {
        match self {
            Self::Admin => "ADM",
            Self::Inspector => "INS",
            Self::Specialist => "SPE",
            Self::Engineer => "ENG",
            Self::QualityEngineer => "QE",
        }
    }
}

text_enum! {
    /// The trade of an inspector or specialist, and of a question or defect.
    pub enum Category {
        /// Mechanical.
        Mechanical = "mechanical",
        /// Electrical.
        Electrical = "electrical",
    }
}

text_enum! {
    /// When somebody works.
    pub enum Shift {
        /// From 07:00 site time.
        Day = "day",
        /// From 19:00 site time.
        Night = "night",
    }
}

/// An e-mail address, in lower case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    /// Checks an address.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_lowercase();
        // One address, one form: no display names, no numbers in the place of a domain, no bare host names.
        let options = email_address::Options::default()
            .without_display_text()
            .without_domain_literal()
            .with_required_tld();
        let is_address = email_address::EmailAddress::parse_with_options(&text, options).is_ok();
        if text.len() > 254 || !is_address {
            return Err(Invalid::value("must be an e-mail address"));
        }
        Ok(Self(text))
    }

    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

impl Scalar for Email {
    fn read(given: Given) -> Result<Self, Invalid> {
        Self::new(&given.text()?)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{KnownFormat, SchemaFormat, schema::Type};
        crate::input::object(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Email)))
            .max_length(Some(254))
            .into()
    }
}

/// The unique sign of a person in a role, such as `INS007`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Badge(String);

impl Badge {
    /// Checks a badge: 2 to 20 letters, digits or hyphens; small letters become capitals.
    pub fn new(text: &str) -> Result<Self, Invalid> {
        let text = text.trim().to_ascii_uppercase();
        let fine = |c: char| c.is_ascii_alphanumeric() || c == '-';
        if !(2..=20).contains(&text.len()) || !text.chars().all(fine) {
            return Err(Invalid::value("must have 2 to 20 letters, digits or hyphens"));
        }
        Ok(Self(text))
    }

    /// The badge of this role with this number, of three digits or more.
    pub fn numbered(role: Role, number: i64) -> Self {
        Self(format!("{}{number:03}", role.badge_prefix()))
    }

    /// Letters and number, if it is of the form that is given out: of three to six digits, so that one odd number doesn't
    /// lead the counting astray.
    pub fn parts(&self) -> Option<(&str, i64)> {
        let start = self.0.find(|c: char| c.is_ascii_digit())?;
        let (prefix, digits) = self.0.split_at_checked(start)?;
        let fine = !prefix.is_empty() && (3..=6).contains(&digits.len());
        fine.then(|| digits.parse().ok().map(|number| (prefix, number))).flatten()
    }

    /// The badge as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Badge> for String {
    fn from(badge: Badge) -> Self {
        badge.0
    }
}

impl Scalar for Badge {
    fn read(given: Given) -> Result<Self, Invalid> {
        Self::new(&given.text()?)
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::schema::Type;
        crate::input::object(Type::String).pattern(Some("^[A-Z0-9-]{2,20}$")).into()
    }
}

/// A password as it was typed. It can't be printed.
#[derive(Clone)]
pub struct Password(String);

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(hidden)")
    }
}

impl Password {
    /// A password as it was typed.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for hashing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Checks a new password: 8 to 128 characters, not the e-mail address, none of those everybody tries
    /// first (rule book §1).
    pub fn check(&self, email: &str) -> Result<(), Invalid> {
        let length = self.0.chars().count();
        let lower = self.0.to_lowercase();
        if !(8..=128).contains(&length) {
            Err(Invalid::value("must have 8 to 128 characters"))
        } else if lower == email.to_lowercase() {
            Err(Invalid::value("may not be the e-mail address"))
        } else if COMMON_PASSWORDS.contains(&lower.as_str()) {
            Err(Invalid::value("is one of the passwords everybody tries first"))
        } else {
            Ok(())
        }
    }
}

/// Of eight characters and more, in lower case; shorter ones are refused for their length.
const COMMON_PASSWORDS: &[&str] = &[
    "password",
    "password1",
    "password12",
    "password123",
    "password1234",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "12345678",
    "123456789",
    "1234567890",
    "0123456789",
    "87654321",
    "987654321",
    "0987654321",
    "11111111",
    "00000000",
    "88888888",
    "12341234",
    "11223344",
    "1q2w3e4r",
    "1q2w3e4r5t",
    "1qaz2wsx",
    "qwertyui",
    "qwertyuiop",
    "qwerty12",
    "qwerty123",
    "qwerty1234",
    "asdfghjk",
    "asdfghjkl",
    "asdf1234",
    "zxcvbnm1",
    "zaq12wsx",
    "abcd1234",
    "abc12345",
    "abcdefgh",
    "a1b2c3d4",
    "aa123456",
    "iloveyou",
    "iloveyou1",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "starwars",
    "trustno1",
    "whatever",
    "welcome1",
    "welcome123",
    "letmein1",
    "letmein123",
    "admin123",
    "admin1234",
    "administrator",
    "changeme",
    "changeme1",
    "changeme123",
    "default1",
    "master123",
    "dragon123",
    "monkey123",
    "computer",
    "internet",
    "michelle",
    "jennifer",
    "inspector",
    "inspection",
    "specialist",
    "engineer",
    "qazwsxedc",
    "google123",
    "test1234",
    "testtest",
    "secret123",
    "samsung1",
    "password!",
    "password1!",
];

impl Scalar for Password {
    fn read(given: Given) -> Result<Self, Invalid> {
        let text = given.text()?;
        if text.is_empty() || text.chars().count() > 1024 {
            return Err(Invalid::value("must have 1 to 1024 characters"));
        }
        Ok(Self(text))
    }

    #[cfg(feature = "openapi")]
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::Schema> {
        use utoipa::openapi::{KnownFormat, SchemaFormat, schema::Type};
        crate::input::object(Type::String)
            .format(Some(SchemaFormat::KnownFormat(KnownFormat::Password)))
            .into()
    }
}

/// A person with an account. The password's hash is no part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable, diesel::Insertable, diesel::AsChangeset),
    diesel(table_name = crate::schema::users, treat_none_as_null = true, treat_none_as_default_value = false)
)]
pub struct User {
    /// Number.
    #[cfg_attr(feature = "diesel", diesel(skip_insertion))]
    pub id: UserId,
    /// Address to sign in with, in lower case, unique.
    pub email: String,
    /// Name.
    pub full_name: String,
    /// Telephone.
    pub phone: Option<String>,
    /// Language texts and notifications are read in.
    pub language: Language,
    /// Major role.
    pub role: Role,
    /// Badge of the major role, unique.
    pub role_id: String,
    /// Second role, never admin.
    pub minor_role: Option<Role>,
    /// Badge of the second role, unique.
    pub minor_role_id: Option<String>,
    /// Trade; everybody who inspects has one.
    pub specialization: Option<Category>,
    /// When they work.
    pub shift: Option<Shift>,
    /// Sum of all points, kept by the ledger.
    pub total_points: i64,
    /// Points won as inspector.
    pub inspector_points: i64,
    /// Points won as specialist.
    pub specialist_points: i64,
    /// Points won as engineer.
    pub engineer_points: i64,
    /// Points won as quality engineer.
    pub qe_points: i64,
    /// Whether an approved leave covers today.
    pub is_on_leave: bool,
    /// Whose absence they cover.
    pub leave_coverage_for: Option<UserId>,
    /// Whether they may sign in.
    pub is_active: bool,
    /// When the account was made.
    pub created_at: Instant,
    /// When it last changed.
    pub updated_at: Instant,
}

impl User {
    /// Whether the major or the minor role is this one; admin counts as major role only (rule book §1).
    pub fn has(&self, role: Role) -> bool {
        self.role == role || (role != Role::Admin && self.minor_role == Some(role))
    }

    /// Whether the major role is admin.
    pub fn is_admin(&self) -> bool {
        self.role == Role::Admin
    }

    /// Whether this account is an admin who can sign in.
    pub fn is_active_admin(&self) -> bool {
        self.is_admin() && self.is_active
    }

    /// What must be true of every account (rule book §1).
    pub fn check(&self) -> Result<(), Invalid> {
        let mut errors = Invalid::default();
        if self.has(Role::Inspector) && self.specialization.is_none() {
            errors.merge(Invalid::field("specialization", "is required for an inspector"));
        }
        if self.minor_role == Some(Role::Admin) {
            errors.merge(Invalid::field("minor_role", "may not be admin"));
        } else if self.minor_role == Some(self.role) {
            errors.merge(Invalid::field("minor_role", "must differ from the role"));
        }
        if self.minor_role.is_none() && self.minor_role_id.is_some() {
            errors.merge(Invalid::field("minor_role_id", "needs a minor role"));
        }
        errors.into_result()
    }
}

/// Who somebody is, beside an object they have to do with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "diesel",
    derive(diesel::Queryable, diesel::Selectable),
    diesel(table_name = crate::schema::users)
)]
pub struct UserSummary {
    /// Number.
    pub id: UserId,
    /// Name.
    pub full_name: String,
    /// Major role.
    pub role: Role,
    /// Badge of the major role.
    pub role_id: String,
    /// Trade.
    pub specialization: Option<Category>,
    /// When they work.
    pub shift: Option<Shift>,
}

input! {
    /// An account to make.
    pub struct NewUser {
        /// Address to sign in with.
        email: Email,
        /// Password: 8 to 128 characters, not the e-mail address, not a common one.
        password: Password,
        /// Name.
        full_name: Text<120>,
        /// Telephone.
        phone: Option<Text<40>>,
        /// Language; English if absent.
        language: Option<Language>,
        /// Major role.
        role: Role,
        /// Badge; the next free one of the role if absent.
        role_id | "employee_id": Option<Badge>,
        /// Second role.
        minor_role: Option<Role>,
        /// Badge of the second role; the next free one if absent.
        minor_role_id: Option<Badge>,
        /// Trade; required for whoever inspects.
        specialization: Option<Category>,
        /// When they work.
        shift: Option<Shift>,
    }
}

input! {
    /// What to change of an account.
    pub struct UserChanges {
        /// Address to sign in with.
        email: Change<Email>,
        /// Name.
        full_name: Change<Text<120>>,
        /// Telephone.
        phone: Patch<Text<40>>,
        /// Language.
        language: Change<Language>,
        /// Major role; with a new one comes a new badge, if none is given.
        role: Change<Role>,
        /// Badge of the major role.
        role_id | "employee_id": Change<Badge>,
        /// Second role.
        minor_role: Patch<Role>,
        /// Badge of the second role.
        minor_role_id: Change<Badge>,
        /// Trade.
        specialization: Patch<Category>,
        /// When they work.
        shift: Patch<Shift>,
        /// Whether they may sign in.
        is_active: Change<bool>,
    }
}

/// An account before its badges are given out, and which are wanted.
#[derive(Debug, Clone)]
pub struct Draft {
    /// The account; its badges are those it has so far.
    pub user: User,
    /// Badge of the major role: given, or the next free one; `None` if it stays.
    pub badge: Option<Wanted>,
    /// Badge of the second role, likewise.
    pub minor_badge: Option<Wanted>,
}

/// A badge somebody is to get.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Wanted {
    /// This one.
    Given(Badge),
    /// The next free one of the role.
    NextOf(Role),
}

impl NewUser {
    /// The account as it will be, before its badges are given out.
    pub fn draft(self, now: Instant) -> Result<Draft, Invalid> {
        let mut errors = Invalid::default();
        errors.keep("password", self.password.check(self.email.as_str()));
        let badge = self.role_id.map_or(Wanted::NextOf(self.role), Wanted::Given);
        let minor_badge = match (self.minor_role, self.minor_role_id) {
            (_, Some(badge)) => Some(Wanted::Given(badge)),
            (Some(role), None) => Some(Wanted::NextOf(role)),
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
            created_at: now,
            updated_at: now,
        };
        if let Err(wrong) = user.check() {
            errors.merge(wrong);
        }
        errors.into_result().map(|()| Draft { user, badge: Some(badge), minor_badge })
    }
}

impl UserChanges {
    /// The account with these changes, before its badges are given out.
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
        let badge = match self.role_id.0 {
            Some(badge) => (badge.as_str() != before.role_id).then_some(Wanted::Given(badge)),
            None => (user.role != before.role).then_some(Wanted::NextOf(user.role)),
        };
        let minor_badge = match (user.minor_role, self.minor_role_id.0) {
            (None, None) => {
                user.minor_role_id = None;
                None
            }
            (_, Some(badge)) => {
                let other = user.minor_role_id.as_deref() != Some(badge.as_str());
                user.minor_role_id.get_or_insert_default();
                other.then_some(Wanted::Given(badge))
            }
            (Some(role), None) if user.minor_role != before.minor_role => {
                user.minor_role_id.get_or_insert_default();
                Some(Wanted::NextOf(role))
            }
            (Some(_), None) => None,
        };
        user.check()?;
        Ok(Draft { user, badge, minor_badge })
    }
}

text_enum! {
    /// What people can be ordered by.
    pub enum UserOrder {
        /// Number.
        Id = "id",
        /// Name.
        FullName = "full_name",
        /// E-mail address.
        Email = "email",
        /// Badge.
        RoleId = "role_id",
        /// Points.
        TotalPoints = "total_points",
        /// When the account was made.
        CreatedAt = "created_at",
    }
}

input! {
    /// Which people.
    pub struct UserFilter {
        /// With this role, major or minor.
        role: Option<Role>,
        /// Of this shift.
        shift: Option<Shift>,
        /// Of this trade.
        specialization: Option<Category>,
        /// Who may sign in; `true` if absent.
        is_active: Option<bool>,
        /// Who are on leave.
        is_on_leave: Option<bool>,
        /// With this text in name, e-mail address or badge.
        q: Option<Text<100>>,
        /// Order; by name if absent.
        sort: Option<Sort<UserOrder>>,
    }
}

/// Why an account can't be as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UserRule {
    /// At least one admin must be able to sign in (§1).
    #[error("the last active admin can be neither deactivated nor demoted")]
    LastAdmin,
    /// The current password, which a change needs, is wrong (§1).
    #[error("the current password is wrong")]
    WrongPassword,
}

impl Rule for UserRule {
    fn code(&self) -> Code {
        match self {
            Self::LastAdmin => Code::RuleViolation,
            Self::WrongPassword => Code::ValidationError,
        }
    }

    fn fields(&self) -> Vec<crate::rule::FieldError> {
        match self {
            Self::LastAdmin => Vec::new(),
            Self::WrongPassword => Invalid::field("current_password", "is wrong").fields(),
        }
    }
}

/// Whether an account may change like this, when so many other active admins remain (§1).
pub fn keeps_an_admin(before: &User, after: &User, other_active_admins: usize) -> Result<(), UserRule> {
    if before.is_active_admin() && !after.is_active_admin() && other_active_admins == 0 {
        return Err(UserRule::LastAdmin);
    }
    Ok(())
}

/// Whether the actor may see this account and its ledger: admins all, everybody their own (§1).
pub fn may_see(actor: &User, id: UserId) -> Result<(), crate::rule::Forbidden> {
    if actor.is_admin() || actor.id == id {
        return Ok(());
    }
    Err(crate::rule::Forbidden("only an admin or the person themself may see this"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::testing::user;

    #[test]
    fn admin_powers_come_from_the_major_role_alone() {
        let mut person = user(Role::Engineer);
        person.minor_role = Some(Role::Admin);
        assert!(!person.has(Role::Admin) && !person.is_admin());
        person.minor_role = Some(Role::Inspector);
        assert!(person.has(Role::Inspector) && person.has(Role::Engineer));
    }

    #[test]
    fn whoever_inspects_has_a_specialization_whatever_the_roles() {
        for &role in Role::ALL {
            for minor in [None].into_iter().chain(Role::ALL.iter().copied().map(Some)) {
                for specialization in [None, Some(Category::Mechanical)] {
                    let mut person = user(role);
                    person.minor_role = minor;
                    person.minor_role_id = minor.map(|_| "X1".into());
                    person.specialization = specialization;
                    let fine = minor != Some(Role::Admin)
                        && minor != Some(role)
                        && (specialization.is_some()
                            || (role != Role::Inspector && minor != Some(Role::Inspector)));
                    assert_eq!(person.check().is_ok(), fine, "{role} {minor:?} {specialization:?}");
                }
            }
        }
    }

    #[test]
    fn badges_have_three_digits_or_more() {
        assert_eq!(Badge::numbered(Role::Inspector, 7).as_str(), "INS007");
        assert_eq!(Badge::numbered(Role::QualityEngineer, 1234).as_str(), "QE1234");
        assert_eq!(Badge::new("ins007").expect("a badge").parts(), Some(("INS", 7)));
        for odd in ["EMP-12", "INS07", "007", "INS007A", "INS1000000"] {
            assert_eq!(Badge::new(odd).expect("a badge").parts(), None, "{odd}");
        }
        assert!(Badge::new("ص٠٠٧").is_err() && Badge::new("A").is_err() && Badge::new("A B").is_err());
    }

    #[test]
    fn an_address_has_one_form() {
        assert_eq!(Email::new(" Someone@Example.COM ").map(String::from), Ok("someone@example.com".into()));
        for odd in [
            "x <admin@example.com>",
            "a@[127.0.0.1]",
            "a@b",
            "a b@example.com",
            "@example.com",
            "a@example.com, b@example.com",
        ] {
            assert!(Email::new(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn weak_passwords_are_refused() {
        let check = |text: &str| Password::new(text).check("someone@example.com");
        assert!(check("seven77").is_err());
        assert!(check("PassWord1").is_err());
        assert!(check("Someone@Example.com").is_err());
        assert!(check(&"x".repeat(129)).is_err());
        assert!(check("correct horse").is_ok());
        assert!(check("كلمةسريةجيدة").is_ok());
        assert_eq!(format!("{:?}", Password::new("hidden thing")), "Password(hidden)");
    }

    #[test]
    fn the_last_active_admin_stays() {
        let admin = user(Role::Admin);
        let inactive = User { is_active: false, ..admin.clone() };
        let demoted = User { role: Role::Engineer, ..admin.clone() };
        for after in [&inactive, &demoted] {
            assert_eq!(keeps_an_admin(&admin, after, 0), Err(UserRule::LastAdmin));
            assert_eq!(keeps_an_admin(&admin, after, 1), Ok(()));
        }
        assert_eq!(keeps_an_admin(&admin, &admin, 0), Ok(()));
        assert_eq!(keeps_an_admin(&inactive, &demoted, 0), Ok(()));
    }

    #[test]
    fn a_new_role_brings_a_new_badge_and_a_cleared_minor_role_loses_its_own() {
        let mut before = user(Role::Inspector);
        before.minor_role = Some(Role::Engineer);
        before.minor_role_id = Some("ENG004".into());
        let now = before.updated_at;
        let draft = |json: serde_json::Value| UserChanges::from_json(json)?.draft(&before, now);
        let changed = draft(serde_json::json!({"role": "specialist"})).expect("fine");
        assert_eq!(changed.badge, Some(Wanted::NextOf(Role::Specialist)));
        assert_eq!(changed.minor_badge, None);
        let cleared = draft(serde_json::json!({"minor_role": null})).expect("fine");
        assert_eq!((cleared.user.minor_role_id, cleared.badge), (None, None));
        assert!(draft(serde_json::json!({"specialization": null})).is_err());
        assert!(draft(serde_json::json!({"role": "engineer"})).is_err(), "the minor role must differ");
    }
}
