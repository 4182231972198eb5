use serde_json::json;

use super::*;
use crate::input::{Input, RawValue, Scalar};
use crate::testing::{changed_fields, fields, id, later, now, user};

fn names(refusal: &impl Rule) -> Vec<String> {
    refusal.fields().into_iter().map(|error| error.field).collect()
}

#[test]
fn trades_shifts_and_roles_have_their_fixed_values() {
    let trades = [Category::Mechanical, Category::Electrical];
    assert_eq!(trades.map(Category::other), [Category::Electrical, Category::Mechanical]);
    assert_eq!([Shift::Day, Shift::Night].map(Shift::first_hour), [7, 19]);
    let prefixes: Vec<_> = Role::ALL.iter().map(|role| role.badge_prefix()).collect();
    assert_eq!(prefixes, ["ADM", "INS", "SPE", "ENG", "QE"]);
}

#[test]
fn admin_powers_come_from_the_major_role_alone() {
    let mut person = user(Role::Engineer);
    person.minor_role = Some(Role::Admin);
    assert!(!person.has(Role::Admin) && !person.is_admin());
    person.minor_role = Some(Role::Inspector);
    assert!(person.has(Role::Inspector) && person.has(Role::Engineer) && !person.has(Role::Specialist));
    let admin = user(Role::Admin);
    assert!(admin.has(Role::Admin) && admin.is_admin() && admin.is_active_admin());
    assert!(!User { is_active: false, ..admin }.is_active_admin());
    assert!(!user(Role::Engineer).is_active_admin());
}

#[test]
fn a_badge_belongs_to_a_role() {
    let one = User { role_id: "INS007".into(), ..user(Role::Inspector) };
    let minor_role_id = Some("ENG004".to_owned());
    let both = User { minor_role: Some(Role::Engineer), minor_role_id: minor_role_id.clone(), ..one.clone() };
    let odd = User { minor_role: Some(Role::Inspector), minor_role_id, ..one.clone() };
    let badges = |person: &User| {
        [Role::Inspector, Role::Engineer, Role::Specialist].map(|role| person.badge_of(role).to_owned())
    };
    assert_eq!(badges(&one), ["INS007", "INS007", "INS007"]);
    assert_eq!(badges(&both), ["INS007", "ENG004", "INS007"]);
    assert_eq!(badges(&odd), ["INS007", "INS007", "INS007"], "the badge of the major role comes first");
}

#[test]
fn every_violated_condition_of_an_account_is_named() {
    let violated = |person: User| person.validate().err().map(|refusal| names(&refusal)).unwrap_or_default();
    let bare = User { specialization: None, ..user(Role::Inspector) };
    assert_eq!(violated(user(Role::Inspector)), [""; 0]);
    assert_eq!(violated(bare.clone()), ["specialization"]);
    assert_eq!(
        violated(User { minor_role: Some(Role::Admin), ..bare.clone() }),
        ["specialization", "minor_role"]
    );
    assert_eq!(violated(User { minor_role: Some(Role::Inspector), ..user(Role::Inspector) }), ["minor_role"]);
    assert_eq!(
        violated(User { minor_role_id: Some("ENG004".into()), ..bare }),
        ["specialization", "minor_role_id"]
    );
}

#[test]
fn the_address_and_the_number_of_a_person_are_private() {
    let person = User { id: id(7), phone: Some("+971 4 555".into()), ..user(Role::Inspector) };
    let private = |reader: &User| {
        let seen = person.clone().seen_by(reader);
        assert_eq!((&seen.role_id, &seen.employee_id), (&person.role_id, &person.role_id));
        (seen.email.is_some(), seen.phone.is_some())
    };
    assert_eq!(private(&person), (true, true));
    assert_eq!(private(&User { id: id(8), ..user(Role::Admin) }), (true, true));
    for role in [Role::Engineer, Role::Inspector, Role::Specialist, Role::QualityEngineer] {
        assert_eq!(private(&User { id: id(8), ..user(role) }), (false, false), "{role}");
    }
}

fn new_user(body: serde_json::Value) -> Result<Draft, Invalid> {
    let mut all = json!({
        "email": "Ann@Example.com", "password": "correct horse", "full_name": "Ann", "role": "engineer",
    });
    let given = body.as_object().expect("an object").clone();
    all.as_object_mut().expect("an object").extend(given);
    NewUser::from_json(all).expect("an account").draft(None, now())
}

#[test]
fn a_password_that_another_person_has_set_must_be_changed_on_the_page() {
    let page = || "/password".to_owned();
    let person = user(Role::Engineer);
    assert_eq!(person.require_own_password(page), Ok(()));
    let newcomer = User { must_change_password: true, ..person };
    let refused = newcomer.require_own_password(page).expect_err("refused");
    assert_eq!(
        (refused.code(), refused.code().as_str()),
        (Code::PasswordChangeRequired, "PASSWORD_CHANGE_REQUIRED")
    );
    assert!(refused.message().arabic().ends_with("/password"));
    assert_eq!(refused.details(), Some(json!({"change_password_page": "/password"})));
    for (creator, must_change_password) in [(None, false), (Some(id(3)), true)] {
        let new = NewUser::from_json(json!({
            "email": "ann@example.com", "password": "correct horse", "full_name": "Ann", "role": "engineer",
        }));
        let draft = new.expect("an account").draft(creator, now()).expect("an account");
        assert_eq!(draft.user.must_change_password, must_change_password, "{creator:?}");
    }
}

#[test]
fn a_new_account_is_active_and_requests_the_badges_of_its_roles() {
    let bare = new_user(json!({})).expect("an account");
    insta::assert_snapshot!(fields(&bare.user).join("\n"), @r#"
    id: UserId(0)
    email: "Ann@Example.com"
    full_name: "Ann"
    phone: None
    language: En
    role: Engineer
    role_id: ""
    minor_role: None
    minor_role_id: None
    specialization: None
    shift: None
    total_points: 0
    inspector_points: 0
    specialist_points: 0
    engineer_points: 0
    qe_points: 0
    is_on_leave: false
    leave_coverage_for: None
    is_active: true
    must_change_password: false
    created_at: Instant(2026-03-01T07:00:00Z)
    updated_at: Instant(2026-03-01T07:00:00Z)
    "#);
    assert_eq!((bare.badge, bare.minor_badge), (Some(BadgeRequest::NextOf(Role::Engineer)), None));
    let both = new_user(json!({
        "phone": "+966 1", "language": "ar", "minor_role": "inspector", "specialization": "electrical",
        "shift": "night", "role_id": "eng-77",
    }));
    let both = both.expect("an account");
    insta::assert_snapshot!(changed_fields(&bare.user, &both.user), @r#"
    phone: Some("+966 1")
    language: Ar
    minor_role: Some(Inspector)
    minor_role_id: Some("")
    specialization: Some(Electrical)
    shift: Some(Night)
    "#);
    let chosen = |badge| Some(BadgeRequest::Chosen(Badge::new(badge).expect("a badge")));
    assert_eq!(both.badge, chosen("ENG-77"));
    assert_eq!(both.minor_badge, Some(BadgeRequest::NextOf(Role::Inspector)));
    let minor = json!({"minor_role": "specialist", "minor_role_id": "SPE-8"});
    assert_eq!(new_user(minor).expect("an account").minor_badge, chosen("SPE-8"));
}

#[test]
fn a_refused_account_names_every_field_at_once() {
    let refused = |body| names(&new_user(body).expect_err("refused"));
    assert_eq!(refused(json!({"password": "ann@example.com"})), ["password"]);
    assert_eq!(refused(json!({"minor_role_id": "SPE-8"})), ["minor_role_id"]);
    let several = json!({"password": "short", "role": "inspector", "minor_role": "inspector"});
    assert_eq!(refused(several), ["password", "specialization", "minor_role"]);
}

#[test]
fn changes_replace_the_given_fields() {
    let before = User { phone: Some("1".into()), shift: Some(Shift::Day), ..user(Role::Inspector) };
    let change = |body| {
        let draft = UserChanges::from_json(body).expect("changes").draft(&before, later());
        changed_fields(&before, &draft.expect("allowed").user)
    };
    assert_eq!(change(json!({})), "updated_at: Instant(2026-03-01T08:00:00Z)");
    let all = change(json!({
        "email": "New@Example.com", "full_name": "New", "phone": null, "language": "ar", "role": "specialist",
        "minor_role": "engineer", "specialization": null, "shift": "night", "is_active": false,
    }));
    insta::assert_snapshot!(all, @r#"
    email: "New@Example.com"
    full_name: "New"
    phone: None
    language: Ar
    role: Specialist
    minor_role: Some(Engineer)
    minor_role_id: Some("")
    specialization: None
    shift: Some(Night)
    is_active: false
    updated_at: Instant(2026-03-01T08:00:00Z)
    "#);
}

#[test]
fn every_inspector_has_a_specialization() {
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
                assert_eq!(person.validate().is_ok(), fine, "{role} {minor:?} {specialization:?}");
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
    assert_eq!(Badge::new("INS100000").expect("a badge").parts(), Some(("INS", 100_000)));
    assert_eq!(Badge::new(" eng-77 ").map(String::from), Ok("ENG-77".into()));
    assert_eq!(Badge::covering("SPE007").as_str(), "COV-SPE007");
    assert!(Badge::new("A7").is_ok() && Badge::new(&"A".repeat(20)).is_ok());
    assert!(Badge::new(&"A".repeat(21)).is_err() && Badge::new("A_7").is_err());
    for spelling in ["ins007", "INS٠٠٧", "ＩＮＳ００７", "\u{200f}INS۰۰۷\u{feff}"] {
        assert_eq!(Badge::new(spelling).map(String::from), Ok("INS007".into()), "{spelling}");
    }
    assert_eq!(Badge::new("eng\u{2011}77").map(String::from), Ok("ENG-77".into()));
    assert!(Badge::new("ص٠٠٧").is_err() && Badge::new("A").is_err() && Badge::new("A B").is_err());
}

#[test]
fn an_address_is_stored_as_it_was_entered() {
    assert_eq!(Email::new(" Someone@Example.COM ").map(String::from), Ok("Someone@Example.COM".into()));
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
    let of_length = |length: usize| {
        let domain = format!("{}.{}.{}.com", "d".repeat(61), "d".repeat(61), "d".repeat(length - 193));
        Email::new(&format!("{}@{domain}", "a".repeat(64))).map(|email| email.as_str().len())
    };
    assert_eq!(of_length(254), Ok(254));
    assert!(of_length(255).is_err());
}

#[test]
fn weak_passwords_are_refused() {
    let check = |text: &str| Password::new(text).validate("someone@example.com", &["Jane Miller", "INS007"]);
    assert!(check("kT7vq2x").is_err() && check("kT7vq2x-m").is_ok());
    for guessed in [
        "        ",
        "iloveyou2",
        "Password2024",
        "Welcome@123",
        "P@ssw0rd1",
        "football1",
        "qwertyuiop",
        "2026-03-02",
        "janemiller1",
        "Miller.Jane",
        "INS007INS007",
        "someone1!",
        &"x".repeat(128),
        &"password".repeat(16),
    ] {
        assert!(check(guessed).is_err(), "{guessed}");
    }
    assert!(check(&"م".repeat(7)).is_err(), "characters, not bytes, are counted");
    assert!(check("PassWord1").is_err());
    assert!(check("Someone@Example.com").is_err());
    let long = "seven lanterns on the quay ".repeat(5);
    assert!(check(&long[..128]).is_ok() && check(&long[..129]).is_err());
    assert!(check(&format!("{}{long}", "a".repeat(40))[..128]).is_ok(), "the end counts");
    assert!(Password::new("someone@example.com").validate("Someone@Example.com", &[]).is_err());
    assert!(check("correct horse").is_ok());
    assert!(check("كلمةسريةجيدة").is_ok());
    assert_eq!(format!("{:?}", Password::new("hidden thing")), "Password(hidden)");
}

#[test]
fn a_password_is_read_as_it_is_up_to_1024_characters() {
    let read =
        |text: String| Password::read(RawValue::Text(text)).map(|password| password.expose().to_owned());
    assert_eq!(read(" two spaces ".into()), Ok(" two spaces ".into()));
    assert_eq!(read("م".repeat(1024)), Ok("م".repeat(1024)));
    assert!(read("x".repeat(1025)).is_err() && read(String::new()).is_err());
}

#[test]
fn a_named_person_exists_and_is_active() {
    let person = user(Role::Engineer);
    assert_eq!(active(Some(person.clone()), "owner_id"), Ok(person.clone()));
    for missing in [None, Some(User { is_active: false, ..person })] {
        assert_eq!(names(&active(missing, "owner_id").expect_err("refused")), ["owner_id"]);
    }
}

#[test]
fn admins_see_every_account_and_others_their_own() {
    for &role in Role::ALL {
        let actor = User { id: id(7), ..user(role) };
        let other = may_see(&actor, id(8)).is_ok();
        assert_eq!((may_see(&actor, id(7)), other), (Ok(()), role == Role::Admin), "{role}");
    }
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
    assert_eq!((UserRule::LastAdmin.code(), names(&UserRule::LastAdmin)), (Code::RuleViolation, vec![]));
    let wrong = UserRule::WrongPassword;
    assert_eq!((wrong.code(), names(&wrong)), (Code::ValidationError, vec!["current_password".into()]));
}

#[test]
fn a_new_role_brings_a_new_badge_and_a_cleared_minor_role_loses_its_own() {
    let mut before = user(Role::Inspector);
    before.minor_role = Some(Role::Engineer);
    before.minor_role_id = Some("ENG004".into());
    let now = before.updated_at;
    let draft = |json: serde_json::Value| UserChanges::from_json(json)?.draft(&before, now);
    let changed = draft(json!({"role": "specialist"})).expect("fine");
    assert_eq!(changed.badge, Some(BadgeRequest::NextOf(Role::Specialist)));
    assert_eq!(changed.minor_badge, None);
    let cleared = draft(json!({"minor_role": null})).expect("fine");
    assert_eq!((cleared.user.minor_role_id, cleared.badge, cleared.minor_badge), (None, None, None));
    let replaced = draft(json!({"minor_role": "quality_engineer"})).expect("fine");
    assert_eq!(replaced.minor_badge, Some(BadgeRequest::NextOf(Role::QualityEngineer)));
    assert_eq!(replaced.user.minor_role_id.as_deref(), Some("ENG004"), "until the next one is known");
    let chosen = |text| Some(BadgeRequest::Chosen(Badge::new(text).expect("a badge")));
    let given = json!({"role_id": "INS-9", "minor_role_id": "ENG-9"});
    let given = draft(given).expect("fine");
    assert_eq!((given.badge, given.minor_badge), (chosen("INS-9"), chosen("ENG-9")));
    let present = json!({"role_id": before.role_id, "minor_role_id": "ENG004"});
    let present = draft(present).expect("fine");
    assert_eq!((present.badge, present.minor_badge), (None, None), "the present badges");
    assert!(draft(json!({"specialization": null})).is_err());
    assert!(draft(json!({"role": "engineer"})).is_err(), "the minor role must differ");
}
