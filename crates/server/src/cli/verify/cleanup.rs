//! What a run has made is put away at its end, however far it came.

use serde_json::{Value, json};

use super::{Run, Seen, fail, http::Unanswered, not_applicable, pass, sessions::Session};

/// Something that was made.
pub(super) enum Made {
    /// A session.
    Session(Session),
    /// An account.
    User(i64),
    /// A file.
    File(i64),
    /// A machine.
    Machine(i64),
    /// A checklist.
    Checklist(i64),
    /// An inspection that isn't handed in.
    Draft(i64),
    /// An inspection that is.
    Inspection(i64),
    /// A defect.
    Defect(i64),
}

/// What became of something that was made.
enum Outcome {
    /// Nothing is left of it.
    Gone,
    /// The service keeps it, out of everybody's way.
    Kept(String),
    /// It is still there.
    Left(String),
}

/// Puts away what was made, the latest first, and ends all sessions.
pub(super) fn tidy(run: &mut Run) -> Seen {
    let mut made = std::mem::take(&mut run.made);
    if made.is_empty() {
        return Err(not_applicable("nothing was made"));
    }
    made.reverse();
    let (mut kept, mut left) = (Vec::new(), Vec::new());
    if let Some(Session { access, .. }) = run.admin.clone() {
        for made in &made {
            let outcome = put_away(run, &access, made)
                .unwrap_or_else(|why| Outcome::Left(format!("{} ({why})", name(made))));
            match outcome {
                Outcome::Gone => {}
                Outcome::Kept(what) => kept.push(what),
                Outcome::Left(what) => left.push(what),
            }
        }
        // Last of all that an admin has to do: closing a defect tells the admins again.
        if let Err(why) = forget_notifications(run, &access, &made) {
            left.push(format!("notifications ({why})"));
        }
    }
    for session in
        made.iter().filter_map(|made| if let Made::Session(session) = made { Some(session) } else { None })
    {
        if let Err(why) = end(run, session) {
            left.push(format!("a session ({why})"));
        }
    }
    run.admin = None;
    if !left.is_empty() {
        return Err(fail(
            format!("could not be put away: {}", left.join(", ")),
            format!("look for what is called {}, and put it away by hand", run.name),
        ));
    }
    if kept.is_empty() {
        return Ok(pass("nothing is left"));
    }
    Ok(pass(format!("for history there stay: {}, and what the audit trail says of them", kept.join(", "))))
}

fn name(made: &Made) -> String {
    match made {
        Made::Session(_) => "a session".to_owned(),
        Made::User(id) => format!("account {id}"),
        Made::File(id) => format!("file {id}"),
        Made::Machine(id) => format!("machine {id}"),
        Made::Checklist(id) => format!("checklist {id}"),
        Made::Draft(id) | Made::Inspection(id) => format!("inspection {id}"),
        Made::Defect(id) => format!("defect {id}"),
    }
}

fn put_away(run: &mut Run, token: &str, made: &Made) -> Result<Outcome, Unanswered> {
    let http = &mut run.http;
    let (answer, state) = match made {
        // They end when everything else is done.
        Made::Session(_) => return Ok(Outcome::Gone),
        Made::Inspection(_) => return Ok(Outcome::Kept(name(made))),
        Made::File(id) => (http.delete(&format!("/api/files/{id}"), token)?, None),
        Made::Draft(id) => (http.delete(&format!("/api/inspections/{id}"), token)?, None),
        Made::User(id) => (http.delete(&format!("/api/users/{id}"), token)?, Some("deactivated")),
        Made::Machine(id) => (http.delete(&format!("/api/equipment/{id}"), token)?, Some("out of service")),
        Made::Checklist(id) => {
            let body = json!({"is_active": false});
            (http.send("PUT", &format!("/api/checklists/{id}"), Some(token), &body)?, Some("inactive"))
        }
        Made::Defect(id) => {
            let path = format!("/api/defects/{id}");
            let body = json!({"resolution_notes": "made by a verification of the deployment"});
            http.post(&format!("{path}/resolve"), Some(token), &body)?;
            (http.post(&format!("{path}/close"), Some(token), &json!({}))?, Some("closed"))
        }
    };
    let name = name(made);
    Ok(match (answer.status, state) {
        (200..300, None) => Outcome::Gone,
        (200..300, Some(state)) => Outcome::Kept(format!("{name} ({state})")),
        _ => Outcome::Left(format!("{name} ({})", answer.told())),
    })
}

/// Deletes what the admin was told of this run.
fn forget_notifications(run: &mut Run, token: &str, made: &[Made]) -> Result<(), String> {
    let about: Vec<(&str, i64)> = made
        .iter()
        .filter_map(|made| match made {
            Made::Defect(id) => Some(("defect", *id)),
            Made::Inspection(id) => Some(("inspection", *id)),
            _ => None,
        })
        .collect();
    if about.is_empty() {
        return Ok(());
    }
    let is_ours = |notice: &Value| {
        about.iter().any(|(kind, id)| notice["related_type"] == *kind && notice["related_id"] == *id)
    };
    let told = run.http.get("/api/notifications?per_page=100", Some(token)).map_err(|why| why.to_string())?;
    let ours = told.at("/data").as_array().into_iter().flatten().filter(|notice| is_ours(notice));
    for id in ours.filter_map(|notice| notice["id"].as_i64()) {
        let path = format!("/api/notifications/{id}");
        let read = run.http.post(&format!("{path}/read"), Some(token), &json!({}));
        let gone = read.and_then(|_| run.http.delete(&path, token)).map_err(|why| why.to_string())?;
        if gone.status >= 300 {
            return Err(gone.told());
        }
    }
    Ok(())
}

/// Signs out. A session that has ended already is as good.
fn end(run: &mut Run, session: &Session) -> Result<(), String> {
    let body = json!({"refresh_token": session.refresh});
    let answer = run.http.post("/api/auth/logout", Some(&session.access), &body);
    let answer = answer.map_err(|why| why.to_string())?;
    if matches!(answer.status, 200 | 401) { Ok(()) } else { Err(answer.told()) }
}
