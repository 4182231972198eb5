use serde_json::{Value, json};

use super::*;
use crate::{input::Input, routines::NewRoutine, rule::Rule, testing::now};

fn date(month: i8, day: i8) -> Date {
    Date::new(2026, month, day).expect("a date")
}

/// A routine of the day shift on these days of the week, with more fields.
fn routine(days: &[i64], more: &Value) -> Routine {
    let mut body = json!({
        "name": "Round", "asset_types": ["crane"], "shift": "day", "days_of_week": days, "template_id": 1,
    });
    for (name, value) in more.as_object().expect("fields") {
        body[name] = value.clone();
    }
    NewRoutine::from_json(body).expect("a routine").draft(now()).0
}

/// The days from March to May 2026 on which it runs.
fn days(routine: &Routine, holidays: &[Date]) -> Vec<String> {
    let holidays = holidays.iter().copied().collect();
    let all = (0..92).map(|days| date(3, 1).plus_days(days));
    let runs = all.filter(|day| routine.runs_on(*day, Shift::Day, &holidays));
    runs.map(|day| day.to_string()[5..].to_owned()).collect()
}

#[test]
fn inspection_days_recur_by_weeks_and_months() {
    // 2 March 2026 is a Monday.
    let recurring = |days: &[i64], recurrence: Value, start: Value| {
        routine(days, &json!({"recurrence": recurrence, "starts_on": start}))
    };
    for (routine, expected) in [
        (
            recurring(&[0], json!({"unit": "week", "every": 2}), json!("2026-03-04")),
            vec!["03-16", "03-30", "04-13", "04-27", "05-11", "05-25"],
        ),
        (
            recurring(&[2, 0], json!({"unit": "week", "every": 4}), json!("2026-03-04")),
            vec!["03-04", "03-30", "04-01", "04-27", "04-29", "05-25", "05-27"],
        ),
        (recurring(&[], json!({"unit": "month", "day": 31}), json!(null)), vec!["03-31", "04-30", "05-31"]),
        (recurring(&[], json!({"unit": "month", "day": 15, "every": 2}), json!("2026-03-20")), vec!["05-15"]),
        (recurring(&[4], json!({"unit": "month", "week": 1}), json!(null)), vec!["03-06", "04-03", "05-01"]),
        (
            recurring(&[1, 4], json!({"unit": "month", "week": -1}), json!(null)),
            vec!["03-27", "03-31", "04-24", "04-28", "05-26", "05-29"],
        ),
        (
            recurring(&[0], json!({"unit": "month", "week": 4, "every": 2}), json!("2026-03-01")),
            vec!["03-23", "05-25"],
        ),
        (routine(&[0], &json!({"starts_on": "2026-05-12"})), vec!["05-18", "05-25"]),
    ] {
        routine.validate().expect("valid");
        assert_eq!(days(&routine, &[]), expected, "{:?}", routine.recurrence);
    }
}

#[test]
fn holidays_skip_or_postpone_an_inspection_day() {
    let holidays = [date(3, 9), date(3, 16), date(3, 17), date(5, 25)];
    let on_holiday = |on_holiday: &str| {
        let routine = routine(&[0], &json!({"on_holiday": on_holiday, "starts_on": "2026-03-02"}));
        days(&routine, &holidays)[..4].to_vec()
    };
    assert_eq!(on_holiday("run"), ["03-02", "03-09", "03-16", "03-23"]);
    assert_eq!(on_holiday("skip"), ["03-02", "03-23", "03-30", "04-06"]);
    assert_eq!(on_holiday("postpone"), ["03-02", "03-10", "03-18", "03-23"]);
    // Two days that are postponed to one are one.
    let both = routine(&[0, 1], &json!({"on_holiday": "postpone", "starts_on": "2026-03-16"}));
    assert_eq!(days(&both, &holidays)[..2], ["03-18", "03-23"]);
}

#[test]
fn fields_that_contradict_each_other_are_named() {
    for (more, days, fields) in [
        (json!({"recurrence": {"unit": "week", "every": 2}}), vec![0], vec!["starts_on"]),
        (
            json!({"recurrence": {"unit": "week", "day": 3, "week": 1}}),
            vec![0],
            vec!["recurrence.day", "recurrence.week"],
        ),
        (json!({"recurrence": {"unit": "month"}}), vec![0], vec!["recurrence.day"]),
        (json!({"recurrence": {"unit": "month", "day": 3, "week": 1}}), vec![0], vec!["recurrence.week"]),
        (json!({"recurrence": {"unit": "month", "week": 0}}), vec![0], vec!["recurrence.week"]),
        (json!({"recurrence": {"unit": "month", "week": 2}}), vec![], vec!["days_of_week"]),
        (
            json!({"recurrence": {"unit": "month", "day": 1, "every": 13}, "starts_on": "2026-03-02"}),
            vec![],
            vec!["recurrence.every"],
        ),
    ] {
        let refused = routine(&days, &more).validate().expect_err("refused").fields();
        let named: Vec<_> = refused.iter().map(|error| &*error.field).collect();
        assert_eq!(named, fields, "{more}");
    }
}
