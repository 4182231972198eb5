//! Removes the resources of a run, whether or not the run succeeded.

use serde_json::{Value, json};

use super::{
    client::RequestError,
    result::{StepResult, fail, not_applicable, pass},
    run::{Resource, Run, Session},
};

/// The outcome of removing a resource.
enum Removal {
    /// Nothing is left.
    Removed,
    /// The service keeps the resource, inactive.
    Retained(String),
    /// The resource is still active.
    Failed(String),
}

/// Removes all resources, newest first, and ends all sessions.
pub(super) fn cleanup(run: &mut Run<'_>) -> StepResult {
    let mut resources = std::mem::take(&mut run.resources);
    if resources.is_empty() {
        return Err(not_applicable("nothing was created"));
    }
    resources.reverse();
    let (mut retained, mut failed) = (Vec::new(), Vec::new());
    if let Some(Session { access, .. }) = run.admin.clone() {
        for resource in &resources {
            let removal = remove(run, &access, resource)
                .unwrap_or_else(|error| Removal::Failed(format!("{resource} ({error})")));
            match removal {
                Removal::Removed => {}
                Removal::Retained(description) => retained.push(description),
                Removal::Failed(description) => failed.push(description),
            }
        }
        // After everything else, since closing a defect notifies the admins again.
        if let Err(reason) = delete_notifications(run, &access, &resources) {
            failed.push(format!("notifications ({reason})"));
        }
    }
    for resource in &resources {
        if let Resource::Session(session) = resource
            && let Err(reason) = sign_out(run, session)
        {
            failed.push(format!("a session ({reason})"));
        }
    }
    run.admin = None;
    if !failed.is_empty() {
        return Err(fail(
            format!("could not be removed: {}", failed.join(", ")),
            format!("search for {}, and remove what is found by hand", run.name),
        ));
    }
    if retained.is_empty() {
        return Ok(pass("nothing is left"));
    }
    Ok(pass(format!("retained as history: {}, and their audit entries", retained.join(", "))))
}

fn remove(run: &mut Run<'_>, token: &str, resource: &Resource) -> Result<Removal, RequestError> {
    let client = &mut run.client;
    let (response, state) = match resource {
        // Sessions end last.
        Resource::Session(_) => return Ok(Removal::Removed),
        Resource::Inspection(_) => return Ok(Removal::Retained(resource.to_string())),
        Resource::File(id) => (client.delete(&format!("/api/files/{id}"), token)?, None),
        Resource::Draft(id) => (client.delete(&format!("/api/inspections/{id}"), token)?, None),
        Resource::User(id) => (client.delete(&format!("/api/users/{id}"), token)?, Some("deactivated")),
        Resource::Machine(id) => {
            (client.delete(&format!("/api/equipment/{id}"), token)?, Some("out of service"))
        }
        Resource::Checklist(id) => {
            let body = json!({"is_active": false});
            (client.send_json("PUT", &format!("/api/checklists/{id}"), Some(token), &body)?, Some("inactive"))
        }
        Resource::Defect(id) => {
            let path = format!("/api/defects/{id}");
            let body = json!({"resolution_notes": "created by a verification of the deployment"});
            client.post(&format!("{path}/resolve"), Some(token), &body)?;
            (client.post(&format!("{path}/close"), Some(token), &json!({}))?, Some("closed"))
        }
    };
    Ok(match (response.status, state) {
        (200..300, None) => Removal::Removed,
        (200..300, Some(state)) => Removal::Retained(format!("{resource} ({state})")),
        _ => Removal::Failed(format!("{resource} ({})", response.summary())),
    })
}

/// Deletes the admin's notifications of this run.
fn delete_notifications(run: &mut Run<'_>, token: &str, resources: &[Resource]) -> Result<(), String> {
    let related: Vec<(&str, i64)> = resources
        .iter()
        .filter_map(|resource| match resource {
            Resource::Defect(id) => Some(("defect", *id)),
            Resource::Inspection(id) => Some(("inspection", *id)),
            _ => None,
        })
        .collect();
    if related.is_empty() {
        return Ok(());
    }
    let is_ours = |notice: &Value| {
        related.iter().any(|(kind, id)| notice["related_type"] == *kind && notice["related_id"] == *id)
    };
    let all =
        run.client.get("/api/notifications?per_page=100", Some(token)).map_err(|why| why.to_string())?;
    let ours = all.at("/data").as_array().into_iter().flatten().filter(|notice| is_ours(notice));
    for id in ours.filter_map(|notice| notice["id"].as_i64()) {
        let path = format!("/api/notifications/{id}");
        let read = run.client.post(&format!("{path}/read"), Some(token), &json!({}));
        let deleted = read.and_then(|_| run.client.delete(&path, token)).map_err(|why| why.to_string())?;
        if deleted.status >= 300 {
            return Err(deleted.summary());
        }
    }
    Ok(())
}

/// Signs out. A session that has ended already counts as a success.
fn sign_out(run: &mut Run<'_>, session: &Session) -> Result<(), String> {
    let body = json!({"refresh_token": session.refresh});
    let response = run.client.post("/api/auth/logout", Some(&session.access), &body);
    let response = response.map_err(|why| why.to_string())?;
    if matches!(response.status, 200 | 401) { Ok(()) } else { Err(response.summary()) }
}
