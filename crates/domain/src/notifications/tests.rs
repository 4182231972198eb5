use std::{collections::BTreeSet, fmt::Write as _};

use fluent_syntax::{
    ast::{Entry, Expression, InlineExpression, Message, Pattern, PatternElement},
    parser,
};

use super::*;
use crate::testing::{fields, id, now};

const COUNTS: [i64; 6] = [0, 1, 2, 3, 11, 100];

/// Variables and messages that a text refers to.
#[derive(Default, Debug, PartialEq, Eq)]
struct References {
    variables: BTreeSet<&'static str>,
    messages: BTreeSet<&'static str>,
}

impl References {
    fn of<'a>(patterns: impl IntoIterator<Item = &'a Pattern<&'static str>>) -> Self {
        let mut references = Self::default();
        patterns.into_iter().for_each(|pattern| references.pattern(pattern));
        references
    }

    fn pattern(&mut self, pattern: &Pattern<&'static str>) {
        for element in &pattern.elements {
            if let PatternElement::Placeable { expression } = element {
                self.expression(expression);
            }
        }
    }

    fn expression(&mut self, expression: &Expression<&'static str>) {
        match expression {
            Expression::Inline(inline) => self.inline(inline),
            Expression::Select { selector, variants } => {
                self.inline(selector);
                for variant in variants {
                    self.pattern(&variant.value);
                }
            }
        }
    }

    fn inline(&mut self, inline: &InlineExpression<&'static str>) {
        match inline {
            InlineExpression::VariableReference { id } => drop(self.variables.insert(id.name)),
            InlineExpression::MessageReference { id, attribute: None } => {
                self.messages.insert(id.name);
            }
            other => panic!("the catalogue uses variables and messages only, not {other:?}"),
        }
    }
}

fn messages(language: Language) -> Vec<Message<&'static str>> {
    let resource = parser::parse(catalogue::source(language)).expect("the source parses");
    let messages = resource.body.into_iter().filter_map(|entry| match entry {
        Entry::Message(message) => Some(message),
        Entry::Comment(_) | Entry::GroupComment(_) | Entry::ResourceComment(_) => None,
        other => panic!("unexpected entry {other:?}"),
    });
    messages.collect()
}

/// Parameters of a message: those of the phrases it is composed of included.
fn parameters(language: Language, name: &str) -> BTreeSet<&'static str> {
    let all = messages(language);
    let message = all.iter().find(|message| message.id.name == name).expect("a message of this name");
    let attributes = message.attributes.iter().map(|attribute| &attribute.value);
    let direct = References::of(message.value.iter().chain(attributes));
    let composed = direct.messages.iter().flat_map(|phrase| parameters(language, phrase));
    direct.variables.iter().copied().chain(composed).collect()
}

fn notification(kind: NotificationType, param: impl Fn(&'static str) -> Param) -> Notification {
    let notice = Notice::new(kind);
    let names = parameters(Language::En, kind.as_str());
    names.into_iter().fold(notice, |notice, name| notice.with(name, param(name))).address_to(id(1), now())
}

#[test]
fn every_type_has_a_title_and_a_message_with_the_same_parameters_in_both_languages() {
    assert_eq!(NotificationType::ALL.len(), 49);
    let [english, arabic] = [Language::En, Language::Ar].map(messages);
    let names = |messages: &[Message<&'static str>]| -> Vec<_> {
        messages.iter().map(|message| message.id.name).collect()
    };
    assert_eq!(names(&english), names(&arabic), "the same messages in the same order");
    for kind in NotificationType::ALL.iter().map(|kind| kind.as_str()) {
        for messages in [&english, &arabic] {
            let found: Vec<_> = messages.iter().filter(|message| message.id.name == kind).collect();
            let attributes: Vec<_> =
                found.iter().flat_map(|message| &message.attributes).map(|part| part.id.name).collect();
            assert_eq!((found.len(), attributes), (1, vec!["title", "message"]), "{kind}");
        }
    }
    for name in names(&english) {
        assert_eq!(parameters(Language::En, name), parameters(Language::Ar, name), "{name}");
    }
}

#[test]
fn texts_without_their_parameters_are_in_the_language_they_claim() {
    for &kind in NotificationType::ALL {
        let bare = notification(kind, |_| "".into());
        for (text, language) in [
            (&bare.title, Language::En),
            (&bare.title_ar, Language::Ar),
            (&bare.message, Language::En),
            (&bare.message_ar, Language::Ar),
        ] {
            assert_eq!(Language::of(text), language, "{kind}: {text}");
        }
    }
}

#[test]
fn no_message_is_unused() {
    for language in [Language::En, Language::Ar] {
        let all = messages(language);
        let patterns = all.iter().flat_map(|message| {
            message.value.iter().chain(message.attributes.iter().map(|attribute| &attribute.value))
        });
        let mut used = References::of(patterns).messages;
        used.extend(NotificationType::ALL.iter().map(|kind| kind.as_str()));
        used.insert("inspection_of");
        assert_eq!(all.iter().map(|message| message.id.name).collect::<BTreeSet<_>>(), used, "{language}");
        assert_eq!(all.len(), used.len(), "{language}: every message once");
    }
}

#[test]
fn every_text_for_every_count() {
    let mut printed = String::new();
    for &kind in NotificationType::ALL {
        let with_count = |count: i64| {
            notification(kind, |name| match name {
                "points" | "rating" => Param::from(&count),
                "result" => "fail".into(),
                "is_valid" => true.into(),
                name => format!("<{name}>").as_str().into(),
            })
        };
        let counts =
            parameters(Language::En, kind.as_str()).iter().any(|name| ["points", "rating"].contains(name));
        let first = with_count(3);
        writeln!(printed, "{kind}\n  {}\n  {}", first.title, first.title_ar).expect("a string");
        for count in COUNTS.into_iter().filter(|count| counts || *count == 3) {
            let text = with_count(count);
            writeln!(printed, "    {}\n    {}", text.message, text.message_ar).expect("a string");
        }
    }
    insta::assert_snapshot!(printed);
}

#[test]
fn texts_that_depend_on_an_outcome_name_it() {
    let of = |kind, value: Param| {
        let text = notification(kind, |name| match name {
            "result" | "is_valid" => value.clone(),
            "again" => "none".into(),
            _ => "x".into(),
        });
        (text.message, text.message_ar)
    };
    let submitted = |result: &str| of(NotificationType::InspectionSubmitted, result.into());
    assert_eq!(
        submitted("pass"),
        ("x submitted the inspection of x: pass.".into(), "قدّم x فحص x: مطابق.".into())
    );
    assert_eq!(
        submitted("fail"),
        ("x submitted the inspection of x: fail.".into(), "قدّم x فحص x: غير مطابق.".into())
    );
    let half = |half: &str| {
        let notice = Notice::new(NotificationType::LeaveNotification)
            .with("person", "x")
            .with("from", "<from>")
            .with("to", "<to>")
            .with("half", half);
        notice.address_to(id(1), now()).message
    };
    assert_eq!(half("am"), "x is on leave until 13:00 on <from>.");
    assert_eq!(half("pm"), "x is on leave from 13:00 on <from>.");
    assert_eq!(half("none"), "x is on leave from <from> to <to>.");
    let validated = |valid: bool| of(NotificationType::RejectionValidated, valid.into());
    assert_eq!(
        validated(true),
        ("The rejection of job x was found right.".into(), "تبيّن أن رفض المهمة x صحيحًا.".into())
    );
    assert_eq!(
        validated(false),
        ("The rejection of job x was found wrong.".into(), "تبيّن أن رفض المهمة x خاطئًا.".into())
    );
}

#[test]
fn an_inspection_is_named_in_both_languages() {
    let takeover = |machine: (&str, Option<&str>)| {
        Notice::new(NotificationType::TakeoverDenied)
            .with("job", Param::inspection_of(machine))
            .address_to(id(1), now())
    };
    let both = takeover(("Crane 1", Some("رافعة 1")));
    assert_eq!(both.message, "Your request to take over the inspection of Crane 1 was denied.");
    assert_eq!(both.message_ar, "رُفض طلبك لتولي فحص رافعة 1.");
    assert_eq!(takeover(("Crane 1", None)).message_ar, "رُفض طلبك لتولي فحص Crane 1.");
}

/// The defect with id 7.
struct Seventh;

impl Entity for Seventh {
    const NAME: &'static str = "defect";
    const PATH: Option<&'static str> = Some("/defects");

    fn id(&self) -> i64 {
        7
    }
}

#[test]
fn parameters_are_inserted_in_the_language_of_the_text() {
    let notice = Notice::new(NotificationType::DefectCreated)
        .with("equipment", "Crane 1")
        .with("defect", ("Failed: oil?", Some("فشل: الزيت؟")))
        .with("date", "2026-03-02")
        .about(&Seventh);
    let sent = notice.address_to(id(3), now());
    assert_eq!(sent.message, "Crane 1: Failed: oil? (due 2026-03-02)");
    assert_eq!(sent.message_ar, "Crane 1: فشل: الزيت؟ (موعد الإصلاح 2026-03-02)");
    let odd = Notice::new(NotificationType::DefectCreated)
        .with("equipment", "Crane {date}")
        .with("defect", "{equipment} {oil")
        .with("date", "2026-03-02");
    assert_eq!(odd.address_to(id(3), now()).message, "Crane {date}: {equipment} {oil (due 2026-03-02)");
}

#[test]
fn a_notification_names_its_recipient_and_links_to_the_entity() {
    let notice = Notice::new(NotificationType::EquipmentStopped).about(&Seventh);
    let notice = notice.with("equipment", "Crane 1").with("reason", "<reason>");
    let sent = fields(&notice.address_to(id(3), now()));
    insta::assert_snapshot!(sent.join("\n"), @r#"
    id: NotificationId(0)
    user_id: UserId(3)
    kind: EquipmentStopped
    title: "Equipment stopped"
    title_ar: "تم إيقاف معدة"
    message: "Crane 1 was stopped for safety: <reason>"
    message_ar: "تم إيقاف Crane 1 لدواعي السلامة: <reason>"
    related_type: Some("defect")
    related_id: Some(7)
    priority: Critical
    is_persistent: true
    action_url: Some("/defects/7")
    is_read: false
    read_at: None
    created_at: Instant(2026-03-01T07:00:00Z)
    "#);
    let urgent = notice.priority(NotificationPriority::Urgent).address_to(id(3), now());
    assert_eq!(urgent.priority, NotificationPriority::Urgent);
    let plain = Notice::new(NotificationType::LeaveRequested).address_to(id(3), now());
    assert_eq!((plain.related_type, plain.related_id, plain.action_url), (None, None, None));
}

#[test]
fn priority_and_persistence_of_every_type_are_those_of_the_rule_book() {
    let table = include_str!("../RULES.md").lines().filter_map(|line| {
        let mut cells = line.strip_prefix("| `")?.split('|').map(str::trim);
        let kind = NotificationType::parse(cells.next()?.trim_end_matches('`'))?;
        let (priority, rest) = cells.next()?.strip_prefix('`')?.split_once('`')?;
        Some((kind, NotificationPriority::parse(priority)?, rest == ", persistent"))
    });
    let known = NotificationType::ALL.iter().map(|&kind| (kind, kind.priority(), kind.is_persistent()));
    assert_eq!(table.collect::<Vec<_>>(), known.collect::<Vec<_>>());
}

#[test]
fn a_persistent_notification_is_read_before_it_is_deleted() {
    let notice = Notice::new(NotificationType::EquipmentStopped).address_to(id(1), now());
    assert_eq!(notice.may_be_deleted(), Err(NotificationRule::Unread));
    assert_eq!(Notification { is_read: true, ..notice.clone() }.may_be_deleted(), Ok(()));
    let plain = Notice::new(NotificationType::DefectCreated).address_to(id(1), now());
    assert!(plain.may_be_deleted().is_ok());
    assert_eq!(NotificationRule::Unread.code(), Code::RuleViolation);
}
