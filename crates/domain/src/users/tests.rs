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
    assert_eq!(changed.badge, Some(BadgeRequest::NextOf(Role::Specialist)));
    assert_eq!(changed.minor_badge, None);
    let cleared = draft(serde_json::json!({"minor_role": null})).expect("fine");
    assert_eq!((cleared.user.minor_role_id, cleared.badge), (None, None));
    assert!(draft(serde_json::json!({"specialization": null})).is_err());
    assert!(draft(serde_json::json!({"role": "engineer"})).is_err(), "the minor role must differ");
}
