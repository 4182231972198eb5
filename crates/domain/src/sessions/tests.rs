use std::fmt::Write as _;

use super::*;
use crate::testing::{id, user};
use crate::users::Role;

const IDLE: i64 = 7 * 86_400;

fn at(text: &str) -> Instant {
    Instant::parse(text).expect("an instant")
}

fn device(name: &str) -> Device {
    Device { address: Some("192.0.2.1".into()), user_agent: Some(name.into()) }
}

fn started() -> Session {
    Session::start(SessionId::new([7; 16]), id(1), device("phone"), at("2026-03-01T08:00:00Z"), IDLE)
}

/// A session at the time of its third refresh.
fn refreshed() -> Session {
    let mut session = started();
    for day in 1..=3 {
        let now = session.created_at.plus_seconds(day * 86_400);
        let Ok(Refresh::Rotated(next)) = session.refresh(session.refreshes, device("phone"), now, IDLE)
        else {
            panic!("refused");
        };
        session = next;
    }
    session
}

#[test]
fn the_grid_of_refresh_tokens() {
    let open = refreshed();
    let mut grid = String::new();
    for (state, session) in [
        ("open", open.clone()),
        ("ended", open.end(SessionEnd::Logout, open.last_used_at)),
        ("expired", Session { expires_at: open.last_used_at, ..open.clone() }),
    ] {
        for (age, seconds) in [("at once", 0), ("after 60 s", 60), ("after 61 s", 61)] {
            let outcomes = (0..=4).map(|number| {
                match session.refresh(number, device("phone"), open.last_used_at.plus_seconds(seconds), IDLE)
                {
                    Ok(Refresh::Rotated(_)) => "rotated",
                    Ok(Refresh::Repeated) => "repeated",
                    Ok(Refresh::Reused(_)) => "reused",
                    Err(SessionRule::Revoked) => "revoked",
                    Err(_) => "?",
                }
            });
            let outcomes: Vec<_> = outcomes.collect();
            writeln!(grid, "{state:8}{age:12}{}", outcomes.join(" ")).expect("written");
        }
    }
    // The number of the token: two before the predecessor, one before it, the predecessor, the
    // valid one, and one that the session hasn't issued.
    assert_eq!(
        grid,
        "open    at once     reused reused repeated rotated revoked\n\
         open    after 60 s  reused reused repeated rotated revoked\n\
         open    after 61 s  reused reused reused rotated revoked\n\
         ended   at once     revoked revoked revoked revoked revoked\n\
         ended   after 60 s  revoked revoked revoked revoked revoked\n\
         ended   after 61 s  revoked revoked revoked revoked revoked\n\
         expired at once     revoked revoked revoked revoked revoked\n\
         expired after 60 s  revoked revoked revoked revoked revoked\n\
         expired after 61 s  revoked revoked revoked revoked revoked\n"
    );
}

#[test]
fn a_session_ends_a_week_after_its_last_refresh_and_thirty_days_after_its_start() {
    let mut session = started();
    assert_eq!(session.expires_at, at("2026-03-08T08:00:00Z"));
    let week = at("2026-03-08T07:59:59Z");
    assert!(session.is_open(week) && !session.is_open(at("2026-03-08T08:00:00Z")));
    assert_eq!(
        session.refresh(0, device("phone"), at("2026-03-08T08:00:00Z"), IDLE),
        Err(SessionRule::Revoked)
    );
    let mut now = session.created_at;
    while session.is_open(now) {
        let Ok(Refresh::Rotated(next)) = session.refresh(session.refreshes, device("tablet"), now, IDLE)
        else {
            panic!("refused");
        };
        (session, now) = (next, now.plus_seconds(86_400));
    }
    assert_eq!((now, session.refreshes), (at("2026-03-31T08:00:00Z"), 30));
    assert_eq!(session.expires_at, at("2026-03-31T08:00:00Z"));
    assert_eq!(session.user_agent.as_deref(), Some("tablet"), "that of the latest refresh");
    let long = Session::start(session.id, id(1), device("phone"), at("2026-03-01T08:00:00Z"), 90 * 86_400);
    assert_eq!(long.expires_at, at("2026-03-31T08:00:00Z"));
}

#[test]
fn a_session_is_valid_while_it_is_open_and_its_account_is_active() {
    let (session, now) = (started(), at("2026-03-01T09:00:00Z"));
    let active = user(Role::Inspector);
    let disabled = User { is_active: false, ..active.clone() };
    assert_eq!(authorize(&active, Some(&session), now), Ok(()));
    assert_eq!(authorize(&active, None, now), Err(SessionRule::Revoked));
    assert_eq!(
        authorize(&active, Some(&session.end(SessionEnd::Logout, now)), now),
        Err(SessionRule::Revoked)
    );
    assert_eq!(authorize(&active, Some(&session), session.expires_at), Err(SessionRule::Revoked));
    assert_eq!(authorize(&disabled, Some(&session), now), Err(SessionRule::Disabled));
}

#[test]
fn the_name_of_a_session_is_32_hexadecimal_digits() {
    let name = SessionId::new(*b"0123456789abcdef");
    assert_eq!(name.to_string(), "30313233343536373839616263646566");
    assert_eq!(name.to_string().parse(), Ok(name));
    assert_eq!(SessionId::new([0; 16]).to_string(), "0".repeat(32));
    for wrong in ["", "1", &"A".repeat(32), &"+".repeat(32), &"0".repeat(33), &"é".repeat(16)] {
        assert_eq!(wrong.parse::<SessionId>(), Err(NotASession), "{wrong}");
    }
}

#[test]
fn a_user_agent_is_stored_without_control_characters_up_to_200_characters() {
    let of = |text: &str| {
        let device = Device { address: None, user_agent: Some(text.into()) };
        let session =
            Session::start(SessionId::new([7; 16]), id(1), device, at("2026-03-01T08:00:00Z"), IDLE);
        session.user_agent.expect("a user agent")
    };
    assert_eq!(of("a\u{7}b\u{9f}c"), "abc");
    assert_eq!(of(&"é".repeat(300)), "é".repeat(200));
}

#[test]
fn a_refusal_has_the_code_of_its_reason() {
    let rules =
        [SessionRule::WrongCredentials, SessionRule::Disabled, SessionRule::Revoked, SessionRule::Invalid];
    let codes = [Code::InvalidCredentials, Code::AccountDisabled, Code::TokenRevoked, Code::TokenInvalid];
    assert_eq!(rules.map(|rule| rule.code()), codes);
}

#[test]
fn a_new_password_is_another_one() {
    let change = |new: &str| PasswordChange {
        current_password: Password::new("a crane over quay nine"),
        new_password: Password::new(new),
    };
    assert!(change("a crane over quay ten").replaces().is_ok());
    let refused = change("a crane over quay nine").replaces().expect_err("refused");
    let fields: Vec<String> = refused.fields().into_iter().map(|error| error.field).collect();
    assert_eq!(fields, ["new_password"]);
}
