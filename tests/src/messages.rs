//! Messages of results and errors in the reader's language.

use std::collections::BTreeSet;

use inspection_domain::{
    assignments::{AssignmentCommand, AssignmentStatus},
    bonus_stars::BonusStatus,
    defects::{DefectCommand, DefectStatus},
    inspections::{InspectionCommand, InspectionStatus},
    jobs::{JobCommand, JobKind, JobStatus},
    leaves::{LeaveCommand, LeaveStatus},
    message,
    outbox::OutboxStatus,
    pauses::{PauseCommand, PauseStatus},
    quality_reviews::{ReviewCommand, ReviewStatus},
    takeovers::{TakeoverCommand, TakeoverStatus},
    text::Language,
    users::{Category, Role, Shift},
};
use inspection_testkit::{builders, clients::Response};
use proc_macro2::{Delimiter, Group, TokenStream, TokenTree};
use serde_json::json;
use syn::{Item, LitStr};

use crate::{
    architecture::{root, sources},
    site::on_both,
};

/// The constructors of messages. Their last argument is the text.
const CONSTRUCTORS: [&str; 11] = [
    "Invalid::value",
    "Invalid::field",
    "Invalid::malformed",
    "Forbidden",
    "NotFound",
    "Reply::with",
    "Created::with",
    "Done",
    "expected",
    "duplicate",
    "Refusal::Hidden",
];

/// Last arguments that are no texts: definitions, and values that other constructors made.
const FORWARDED: [&str; 7] =
    ["'static str", "message", "reason", "refusal", "] Forbidden", "E :: LABEL", "content"];

/// Types whose texts are messages, beside those that implement `Rule`.
const TEXTS: [&str; 2] = ["Refusal", "UploadError"];

/// The messages that the code constructs.
#[derive(Default)]
struct Found {
    texts: BTreeSet<String>,
    /// Every string in the code, which may be a value of a message.
    literals: BTreeSet<String>,
    /// Messages that are constructed in a way that this test doesn't know.
    unknown: Vec<String>,
}

fn string(token: &TokenTree) -> Option<String> {
    let TokenTree::Literal(literal) = token else { return None };
    syn::parse_str::<LitStr>(&literal.to_string()).ok().map(|text| text.value())
}

/// The arguments of a call or a macro.
fn arguments(group: &Group) -> Vec<Vec<TokenTree>> {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let is_comma = |token: &TokenTree| matches!(token, TokenTree::Punct(mark) if mark.as_char() == ',');
    tokens.split(is_comma).filter(|one| !one.is_empty()).map(<[_]>::to_vec).collect()
}

impl Found {
    /// Reads tokens; `path` is the file.
    fn read(&mut self, path: &str, stream: TokenStream) {
        let tokens: Vec<TokenTree> = stream.into_iter().collect();
        for (n, token) in tokens.iter().enumerate() {
            self.literals.extend(string(token));
            let TokenTree::Group(group) = token else { continue };
            self.read(path, group.stream());
            let before: Vec<String> =
                tokens[n.saturating_sub(5)..n].iter().map(ToString::to_string).collect();
            let before = before.join(" ").replace(" : : ", "::");
            let is_call = |name: &str| {
                let head = before.strip_suffix(name);
                head.is_some_and(|head| head.is_empty() || head.ends_with(' ') && !head.ends_with("fn "))
            };
            let given = arguments(group);
            if group.delimiter() != Delimiter::Parenthesis || given.is_empty() {
                continue;
            }
            let text = |argument: &Vec<TokenTree>| argument.first().and_then(string);
            if is_call("message !") || is_call("Message::new") {
                self.texts.extend(text(&given[0]));
            } else if CONSTRUCTORS.iter().any(|name| is_call(name)) {
                let last = given.last().expect("an argument");
                let code = last.iter().cloned().collect::<TokenStream>().to_string();
                match text(last) {
                    Some(text) => self.texts.extend([text]),
                    None if code.contains("message !") => {}
                    None if FORWARDED.iter().any(|known| code.ends_with(known)) => {}
                    None => self.unknown.push(format!("{path}: {before}({code})")),
                }
            }
        }
    }

    /// Reads the texts of rules, which stand in their `error` attributes, and the labels of
    /// entities.
    fn read_items(&mut self, path: &str, items: &[Item], rules: &BTreeSet<String>) {
        for item in items {
            let attributes: Vec<&syn::Attribute> = match item {
                Item::Enum(found) if rules.contains(&found.ident.to_string()) => {
                    found.variants.iter().flat_map(|variant| &variant.attrs).collect()
                }
                Item::Struct(found) if rules.contains(&found.ident.to_string()) => {
                    found.attrs.iter().collect()
                }
                Item::Impl(found) => {
                    let name = found.trait_.as_ref().and_then(|(path, _)| path.segments.last());
                    if name.is_some_and(|name| name.ident == "Entity") {
                        self.texts.extend(label(found));
                    }
                    continue;
                }
                _ => continue,
            };
            for attribute in attributes.into_iter().filter(|attribute| attribute.path().is_ident("error")) {
                let list = attribute.meta.require_list().expect("arguments").tokens.clone();
                let first = list.clone().into_iter().next().as_ref().and_then(string);
                match first.as_deref() {
                    Some("{0}" | "{message}") | None => {}
                    Some("{}") if list.to_string().ends_with("self . message ()") => {}
                    Some(text) if !text.contains('{') => self.texts.extend(first),
                    Some(_) => self.unknown.push(format!("{path}: places need `message`: {list}")),
                }
            }
        }
    }
}

/// Name of an entity in messages.
fn label(entity: &syn::ItemImpl) -> Option<String> {
    let constant = |name: &str| {
        entity.items.iter().find_map(|item| match item {
            syn::ImplItem::Const(found) if found.ident == name => match &found.expr {
                syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
                _ => None,
            },
            _ => None,
        })
    };
    constant("LABEL").or_else(|| constant("NAME"))
}

/// The tokens of a file before its unit tests.
fn without_tests(text: &str) -> TokenStream {
    let text = text.split("\n#[cfg(test)]\nmod tests {").next().expect("a part");
    text.parse().expect("Rust")
}

/// The messages in the sources of the service.
fn found() -> Found {
    let folders =
        ["domain", "auth", "storage", "persistence", "http"].map(|name| format!("crates/{name}/src"));
    let files = sources::read(&root(), &folders.each_ref().map(String::as_str), "rs");
    let is_service = |path: &str| !path.ends_with("tests.rs") && !path.ends_with("testing.rs");
    let parsed: Vec<(String, TokenStream, Vec<Item>)> = files
        .into_iter()
        .filter(|file| is_service(&file.path) && !file.path.contains("/tests/"))
        .map(|file| {
            let tokens = without_tests(&file.text);
            let items = syn::parse2::<syn::File>(tokens.clone()).expect("Rust").items;
            (file.path, tokens, items)
        })
        .collect();
    let mut rules: BTreeSet<String> = TEXTS.map(ToOwned::to_owned).into();
    for item in parsed.iter().flat_map(|(_, _, items)| items) {
        if let Item::Impl(syn::ItemImpl { trait_: Some((path, _)), self_ty, .. }) = item
            && path.segments.last().is_some_and(|name| name.ident == "Rule")
            && let syn::Type::Path(of) = &**self_ty
        {
            rules.extend(of.path.get_ident().map(ToString::to_string));
        }
    }
    let mut found = Found::default();
    for (path, tokens, items) in parsed {
        found.read_items(&path, &items, &rules);
        found.read(&path, tokens);
    }
    found
}

/// Words that messages contain as values.
fn words() -> BTreeSet<String> {
    macro_rules! all {
        ($($kind:ty),+ $(,)?) => { [$(<$kind>::ALL.iter().map(ToString::to_string).collect::<Vec<_>>()),+].concat() };
    }
    let roles = JobKind::ALL.iter().map(|kind| kind.role().to_string());
    let words = all![
        AssignmentCommand,
        AssignmentStatus,
        BonusStatus,
        Category,
        DefectCommand,
        DefectStatus,
        InspectionCommand,
        InspectionStatus,
        JobCommand,
        JobStatus,
        LeaveCommand,
        LeaveStatus,
        PauseCommand,
        PauseStatus,
        ReviewCommand,
        ReviewStatus,
        Shift,
        TakeoverCommand,
        TakeoverStatus,
    ];
    let not_dead = OutboxStatus::ALL.iter().filter(|status| **status != OutboxStatus::Dead);
    words.into_iter().chain(roles).chain(not_dead.map(ToString::to_string)).collect()
}

#[test]
fn every_message_has_an_arabic_text_and_every_text_a_message() {
    let (found, words) = (found(), words());
    assert!(found.unknown.is_empty(), "{}", found.unknown.join("\n"));
    assert!(found.texts.len() > 250, "only {} messages", found.texts.len());
    let catalogue: BTreeSet<&str> = message::catalogue().map(|(english, _)| english).collect();
    let missing: Vec<&String> =
        found.texts.union(&words).filter(|text| !catalogue.contains(text.as_str())).collect();
    assert!(missing.is_empty(), "no Arabic text in the catalogue: {missing:#?}");
    let is_used = |text: &str| found.literals.contains(text) || words.contains(text);
    let unused: Vec<_> = catalogue.into_iter().filter(|text| !is_used(text)).collect();
    assert!(unused.is_empty(), "no message in the code: {unused:#?}");
}

#[test]
fn a_message_is_found_however_it_is_constructed() {
    let read = |code: &str| {
        let mut found = Found::default();
        found.read("a.rs", code.parse().expect("tokens"));
        (found.texts.into_iter().collect::<Vec<_>>().join("|"), found.unknown.len())
    };
    for (code, expected) in [
        (r#"Invalid::field("name", "is odd")"#, ("is odd", 0)),
        (r#"return Err(Forbidden("nobody may").into());"#, ("nobody may", 0)),
        (r#"Reply::with(View::one(a, b)?, "done",)"#, ("done", 0)),
        (
            r#"let message = message!("has {n} \
            parts", n = 1); Invalid::value(message)"#,
            ("has {n} parts", 0),
        ),
        (r#"Invalid::value(format!("has {n} parts"))"#, ("", 1)),
        (r#"Self::Forbidden("not a constructor"); is_done("nor this")"#, ("", 0)),
    ] {
        let (texts, unknown) = read(code);
        assert_eq!((texts.as_str(), unknown), expected, "{code}");
    }
}

/// The message of a response, and those of its invalid fields.
fn messages(answer: &Response) -> Vec<String> {
    let errors = answer.json["errors"].as_array().into_iter().flatten().map(|error| &error["message"]);
    let all = std::iter::once(&answer.json["message"]).chain(errors);
    all.map(|text| text.as_str().unwrap_or_else(|| panic!("no message: {}", answer.text)).to_owned())
        .collect()
}

on_both! {
    fn a_message_is_in_the_language_that_the_client_prefers(site: TestSite) {
        let arab = site.anonymous().with_header("accept-language", "ar-SA, en;q=0.5");
        let wrong = json!({"email": "nobody@example.com", "password": "wrong"});
        for (answer, status, expected) in [
            (arab.get("/api/equipment"), 401, "سجّل الدخول أولًا: لا تحتوي ترويسة Authorization على رمز Bearer"),
            (arab.post("/api/auth/login", &wrong), 401, "البريد الإلكتروني أو كلمة المرور غير صحيحة"),
            (site.anonymous().post("/api/auth/login?lang=ar", &wrong), 401, "البريد الإلكتروني أو كلمة المرور غير صحيحة"),
            (arab.get("/api/nowhere"), 404, "لا توجد نقطة نهاية GET /api/nowhere"),
            (arab.delete("/api/auth/login"), 405, "الطرق المتاحة لهذا المسار: POST"),
            (arab.send("POST", "/api/auth/login", Some(("text/plain", b"x"))), 415, "يجب أن يكون محتوى الطلب من النوع application/json"),
        ] {
            assert_eq!((answer.status, messages(&answer)), (status, vec![expected.to_owned()]), "{}", answer.text);
            assert_eq!(answer.json["error"], answer.json["message"]);
        }
        let empty = arab.post("/api/auth/login", &json!({}));
        assert_eq!(messages(&empty), ["المدخلات غير صالحة: email: مطلوب؛ password: مطلوب", "مطلوب", "مطلوب"]);
        for path in ["/", "/health", "/health/live", "/docs", "/metrics"] {
            let unknown = site.anonymous().get(&format!("{path}?lang=tlh"));
            assert_eq!((unknown.status, unknown.fields()), (400, vec!["lang"]), "{path}: {}", unknown.text);
        }
        let english = arab.post("/api/auth/login?lang=en", &json!({}));
        assert_eq!(messages(&english)[1..], ["is required", "is required"]);
    }

    fn a_message_is_in_the_users_language(site: TestSite) {
        let arab = builders::user_with(&site.db, &site.context, Role::Admin, |body| body["language"] = json!("ar"));
        let client = site.client(&arab);
        let machine = json!({"name": "Pump", "equipment_type": "pump", "serial_number": "P-1"});
        let created = client.post("/api/equipment", &machine);
        assert_eq!((created.status, messages(&created)), (201, vec!["تم تسجيل المعدة".to_owned()]));
        let again = client.post("/api/equipment", &machine);
        assert_eq!((again.code(), messages(&again)), ("DUPLICATE", vec!["هذا الرقم التسلسلي مستخدم".to_owned(); 2]));
        assert_eq!(messages(&client.get("/api/equipment/999")), ["لم يُعثر على المعدة"]);
        assert_eq!(messages(&client.get("/api/equipment/999?lang=en")), ["equipment not found"]);
        let other = client.with_header("accept-language", "en");
        assert_eq!(messages(&other.get("/api/equipment/999")), ["equipment not found"]);
        let long = client.post("/api/equipment", &json!({"name": "x".repeat(500), "equipment_type": 7, "serial_number": "P-2"}));
        let fields = messages(&long).split_off(1);
        assert_eq!(fields[1], "يجب أن يكون نصًا، لا عددًا");
        assert!(fields[0].starts_with("يجب ألا يزيد عدد محارفه على ") && fields[0].ends_with("500"), "{fields:?}");
        let inspector = builders::user_with(&site.db, &site.context, Role::Inspector, |body| body["language"] = json!("ar"));
        let refused = site.client(&inspector).post("/api/equipment", &machine);
        assert_eq!((refused.status, messages(&refused)), (403, vec!["لا يسمح دورك بهذا الإجراء".to_owned()]));
    }

    fn a_stored_refusal_keeps_the_language_of_its_first_reader(site: TestSite) {
        let arab = builders::user_with(&site.db, &site.context, Role::Inspector, |body| body["language"] = json!("ar"));
        let client = site.client(&arab);
        let item = json!({
            "client_id": "0f8fad5b-d9cb-469f-a165-708677289501", "entity_type": "job_start", "entity_data": {"job_id": 999},
        });
        let rejected = client.post("/api/sync", &item);
        assert_eq!(rejected.data()["error"]["message"], "لم يُعثر على المهمة");
        let again = client.post("/api/sync?lang=en", &item);
        assert_eq!(again.data()["error"]["message"], "لم يُعثر على المهمة");
        let keyed = client.with_header("idempotency-key", "key-1");
        let first = keyed.post("/api/leaves", &json!({}));
        assert!(messages(&first).iter().all(|text| Language::of(text) == Language::Ar || text.contains("مطلوب")), "{}", first.text);
        assert_eq!(keyed.post("/api/leaves", &json!({})).json["message"], first.json["message"]);
    }
}
