//! The metrics of the program: alerts depend on them, and they show that memory doesn't grow.

use std::{collections::BTreeSet, fs, path::Path};

use inspection_testkit::clients::Client;
use serde_json::json;

use super::{Running, folder, program};

/// The names of our metrics in a text.
fn names(text: &str) -> BTreeSet<&str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    text.split(|c| !is_part(c)).filter(|word| word.starts_with("inspection_")).collect()
}

#[test]
fn alerts_use_existing_metrics() {
    let folder = folder();
    let settings = [("APP_ENV", "development"), ("LOG_FILE", "logs/app.log")];
    let service = Running::start(&folder, &settings);
    let created = program(&folder, &settings, &["backup", "create"]).output().expect("ended");
    assert!(created.status.success(), "{created:?}");
    let tried = program(&folder, &settings, &["backup", "verify"]).output().expect("ended");
    assert!(tried.status.success(), "{tried:?}");
    let anonymous = Client::new(&service.base);
    let wrong = json!({"email": service.email, "password": "wrong by far"});
    let answers: Vec<u16> = (0..6).map(|_| anonymous.post("/api/auth/login", &wrong).status).collect();
    assert_eq!(answers, [401, 401, 401, 401, 401, 429]);
    assert_eq!(anonymous.get("/health").status, 200);
    let seen = anonymous.get("/metrics").text;
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker/alerts.yaml");
    let alerts = fs::read_to_string(file).expect("the alerts");
    let (seen, used) = (names(&seen), names(&alerts));
    assert!(used.len() > 12, "{used:?}");
    assert_eq!(used.difference(&seen).collect::<Vec<_>>(), Vec::<&&str>::new(), "{seen:?}");
    service.stop();
}

/// Memory of a process, in bytes.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse::<u64>().expect("a number") * 1024
}

#[test]
fn memory_is_constant_over_ten_thousand_requests() {
    let folder = folder();
    let settings = [("APP_ENV", "development"), ("LOG_LEVEL", "off"), ("TRUSTED_PROXIES", "127.0.0.1")];
    let service = Running::start(&folder, &settings);
    let admin = service.admin();
    let body = json!({"name": "Crane", "equipment_type": "crane", "serial_number": "C-1"});
    assert_eq!(admin.post("/api/equipment", &body).status, 201);
    let rounds = |from: u32, until: u32| {
        for round in from..until {
            // From many addresses, to stay within the rate limits.
            let address = format!("10.{}.{}.1", round / 250, round % 250);
            let client = admin.with_header("x-forwarded-for", &address);
            for path in ["/api/equipment?per_page=20", "/api/equipment/1", "/api/notifications", "/health"] {
                assert_eq!(client.get(path).status, 200);
            }
            assert_eq!(client.post("/api/equipment", &body).code(), "DUPLICATE");
        }
    };
    // Fills pools and caches.
    rounds(0, 500);
    let before = memory(service.child.id());
    rounds(500, 2_500);
    let after = memory(service.child.id());
    assert!(after < before + (16 << 20), "{} MB became {} MB", before >> 20, after >> 20);
    service.stop();
}
