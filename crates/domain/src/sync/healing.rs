//! Refusals that heal: an item whose reason was a missing predecessor is tried again when that
//! arrives, or when the item is sent again (rule book §15).

use std::collections::BTreeSet;

use serde_json::Value;

use super::{ClientId, Document, NewSyncItem, SyncItem, SyncKind, SyncOutcome};
use crate::{rule::Code, time::Instant};

/// Fields of bodies that name the object of an action.
const OBJECTS: [&str; 6] =
    ["assignment_id", "assessment_id", "equipment_id", "inspection_id", "job_id", "pause_id"];

/// Codes of refusals for which the state of the objects is the reason, and not the content.
const OF_STATE: [Code; 4] =
    [Code::InvalidState, Code::NotFound, Code::PlannedTimeRequired, Code::RuleViolation];

impl Document {
    /// The objects that an action concerns: their fields, with a primary key or the item that
    /// creates them.
    fn objects(&self) -> BTreeSet<(&'static str, String)> {
        let numbers = OBJECTS.iter().filter_map(|field| {
            let number = self.0.get(*field).and_then(Value::as_i64)?;
            Some((*field, number.to_string()))
        });
        let named = self.references().into_iter().map(|(field, name, _)| (field, name.as_str().to_owned()));
        numbers.chain(named).collect()
    }
}

impl SyncKind {
    /// Whether the action creates an object each time, so that the same one under another client id
    /// must be found by its content.
    pub fn repeats(self) -> bool {
        matches!(self, Self::InspectionStart | Self::PauseRequest | Self::DefectReport)
    }
}

impl SyncItem {
    /// Whether it was refused for the state of its objects, which may change.
    pub fn may_heal(&self) -> bool {
        let code = self.sync_error.as_ref().map(|error| error.code.as_str());
        let is_of_state = OF_STATE.iter().any(|known| Some(known.as_str()) == code);
        // The pause before it may not have been decided yet.
        let is_second_pause =
            self.entity_type == SyncKind::PauseRequest && code == Some(Code::Duplicate.as_str());
        self.outcome == SyncOutcome::Rejected && (is_of_state || is_second_pause)
    }

    /// Whether it is tried again when it is sent again: items that say when they happened.
    pub fn may_be_tried_again(&self) -> bool {
        self.may_heal() && self.occurred_at.is_some()
    }

    /// The item as the phone sent it.
    pub fn as_sent(&self) -> Option<NewSyncItem> {
        Some(NewSyncItem {
            client_id: ClientId::parse(&self.client_id)?,
            entity_type: self.entity_type,
            entity_data: self.entity_data.clone(),
            occurred_at: self.occurred_at,
            sent_at: None,
        })
    }

    /// The same action, applied before under another client id.
    #[must_use]
    pub fn again(&self, new: NewSyncItem, now: Instant) -> Self {
        let (entity_id, result) = (self.entity_id, self.result.clone());
        let happened_at = self.happened_at;
        Self { outcome: self.outcome, entity_id, result, happened_at, ..Self::blank(new, self.user_id, now) }
    }

    /// Time of the action; that of its receipt if the phone didn't say.
    pub fn time(&self) -> Instant {
        let said = self.occurred_at.map(|at| at.min(self.created_at));
        self.happened_at.or(said).unwrap_or(self.created_at)
    }

    /// Whether this refused item follows an applied one: it refers to it, or it concerns the same
    /// object and happened later.
    pub fn follows(&self, applied: &Self) -> bool {
        let creator = ClientId::parse(&applied.client_id);
        let refers = self
            .entity_data
            .references()
            .into_iter()
            .any(|(_, name, kind)| kind == applied.entity_type && Some(name) == creator);
        let own = self.entity_data.objects();
        let is_same = || applied.entity_data.objects().iter().any(|object| own.contains(object));
        refers || (applied.time() < self.time() && is_same())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::{
        input::Input,
        sync::{SyncError, clock::PhoneClock},
        testing::{changed_fields, id, later, now},
    };

    const NAME: &str = "0f8fad5b-d9cb-469f-a165-708677289500";
    const OTHER: &str = "0f8fad5b-d9cb-469f-a165-708677289501";

    fn item(name: &str, kind: &str, data: Value) -> NewSyncItem {
        let body = json!({"client_id": name, "entity_type": kind, "entity_data": data});
        NewSyncItem::from_json(body).expect("an item")
    }

    fn refused(name: &str, kind: &str, data: Value, at: i64, code: &str) -> SyncItem {
        let error = SyncError { code: code.into(), message: "no".into(), errors: Vec::new() };
        let happened_at = Some(now().plus_seconds(at));
        let rejected = SyncItem::rejected(item(name, kind, data), id(3), error, now());
        SyncItem { happened_at, occurred_at: happened_at, ..rejected }
    }

    fn applied(name: &str, kind: &str, data: Value, at: i64) -> SyncItem {
        let done = SyncItem::applied(item(name, kind, data), id(3), 7, Document::default(), now());
        SyncItem { happened_at: Some(now().plus_seconds(at)), ..done }
    }

    #[test]
    fn refusals_for_the_state_heal_and_those_for_the_content_are_final() {
        for code in Code::ALL {
            let item = refused(NAME, "job_start", json!({"job_id": 1}), 0, code.as_str());
            let heals = ["INVALID_STATE", "NOT_FOUND", "PLANNED_TIME_REQUIRED", "RULE_VIOLATION"];
            assert_eq!(item.may_heal(), heals.contains(&code.as_str()), "{code:?}");
            assert_eq!(item.may_be_tried_again(), item.may_heal());
            assert!(!SyncItem { occurred_at: None, ..item }.may_be_tried_again(), "without a time");
        }
        assert!(!applied(NAME, "job_start", json!({"job_id": 1}), 0).may_heal());
    }

    #[test]
    fn an_item_follows_its_creator_and_earlier_ones_of_the_same_object() {
        let complete = |data, at| refused(NAME, "job_complete", data, at, "INVALID_STATE");
        let start = |data, at| applied(OTHER, "job_start", data, at);
        let job = json!({"job_id": 1});
        for (waiting, cause, expected) in [
            (complete(job.clone(), 10), start(job.clone(), 5), true),
            (complete(job.clone(), 10), start(job.clone(), 10), false),
            (complete(job.clone(), 10), start(job.clone(), 11), false),
            (complete(job.clone(), 10), start(json!({"job_id": 2}), 5), false),
            (complete(job.clone(), 10), start(json!({"pause_id": 1}), 5), false),
        ] {
            assert_eq!(waiting.follows(&cause), expected, "{waiting:?} {cause:?}");
        }
        let submit = |data| refused(NAME, "inspection_submit", data, 0, "NOT_FOUND");
        let begun = applied(OTHER, "inspection_start", json!({"equipment_id": 4}), 60);
        assert!(submit(json!({"inspection_client_id": OTHER})).follows(&begun), "whatever the time");
        assert!(!submit(json!({"inspection_client_id": NAME})).follows(&begun));
        let other_kind = applied(OTHER, "pause_request", json!({"job_id": 1}), -60);
        assert!(!submit(json!({"inspection_client_id": OTHER})).follows(&other_kind));
        let answer = applied(OTHER, "inspection_answer", json!({"inspection_id": NAME}), -60);
        assert!(submit(json!({"inspection_client_id": NAME})).follows(&answer), "of one inspection");
    }

    #[test]
    fn an_item_without_a_time_happened_when_it_was_received() {
        let item = SyncItem { happened_at: None, ..applied(NAME, "job_start", json!({}), 5) };
        assert_eq!(item.time(), now());
    }

    #[test]
    fn an_item_keeps_the_time_of_the_phone_beside_the_corrected_one() {
        let at = |seconds: i64| now().plus_seconds(seconds);
        let new = NewSyncItem { occurred_at: Some(at(7000)), ..item(NAME, "job_start", json!({})) };
        let clock = PhoneClock::new(Some(at(7200)), now());
        assert_eq!(new.happened_at(clock, now()), Some(at(-200)));
        assert_eq!(item(NAME, "job_start", json!({})).happened_at(clock, now()), None);
        let applied = SyncItem::applied(new.clone(), id(3), 7, Document::default(), now());
        assert_eq!(applied.occurred_at, Some(at(7000)));
        assert_eq!(applied.as_sent().map(|sent| sent.hash()), Some(new.hash()));
        let odd = Instant::parse("-009999-01-03T00:00:00Z");
        let odd = SyncItem::applied(
            NewSyncItem { occurred_at: odd, ..item(NAME, "job_start", json!({})) },
            id(3),
            7,
            Document::default(),
            now(),
        );
        assert_eq!(odd.occurred_at.map(|at| at.to_string()), Some("0001-01-01T00:00:00.000Z".into()));
    }

    #[test]
    fn the_same_action_under_another_name_has_the_first_outcome() {
        let first = SyncItem::applied(
            item(NAME, "inspection_start", json!({"equipment_id": 7})),
            id(3),
            9,
            Document::default(),
            now(),
        );
        let new = NewSyncItem {
            client_id: ClientId::parse(OTHER).expect("a name"),
            ..item(NAME, "inspection_start", json!({"equipment_id": 7}))
        };
        insta::assert_snapshot!(changed_fields(&first, &first.again(new, later())), @r#"
        client_id: "0f8fad5b-d9cb-469f-a165-708677289501"
        created_at: Instant(2026-03-01T08:00:00Z)
        "#);
    }
}
