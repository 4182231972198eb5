//! A workflow in small: a machine, a checklist, a failed inspection, its defect and notification.

use serde_json::{Value, json};

use super::{
    client::Response,
    result::{CheckResult, StepResult, expect, fail, pass},
    run::{Resource, Run},
};

/// Creates a resource as the admin.
fn create(
    run: &mut Run<'_>,
    token: &str,
    path: &str,
    body: &Value,
    resource: fn(i64) -> Resource,
) -> Result<Response, CheckResult> {
    let response = run.client.post(path, Some(token), body)?;
    expect(&response, 201, &format!("POST {path}"))?;
    run.resources.extend(response.id().map(resource));
    Ok(response)
}

/// A failed answer becomes a defect, and the inspector is notified.
pub(super) fn notification(run: &mut Run<'_>) -> StepResult {
    let token = run.admin()?;
    // An equipment type that no real machine has.
    let kind = run.name.clone();
    let machine = json!({
        "name": run.name, "equipment_type": kind, "serial_number": run.name, "location": "verification",
    });
    let machine = create(run, &token, "/api/equipment", &machine, Resource::Machine)?.id();
    let question =
        json!({"question_text": "Created by verify?", "answer_type": "pass_fail", "category": "mechanical"});
    let checklist = json!({"name": run.name, "equipment_type": kind, "items": [question]});
    let checklist = create(run, &token, "/api/checklists", &checklist, Resource::Checklist)?;
    let question = checklist.at("/data/items/0/id").clone();
    let start = json!({"equipment_id": machine});
    let inspection =
        create(run, &token, "/api/inspections/start", &start, Resource::Draft)?.id().unwrap_or_default();
    let answer = json!({"checklist_item_id": question, "answer_value": "fail"});
    let path = format!("/api/inspections/{inspection}");
    let answered = run.client.post(&format!("{path}/answer"), Some(&token), &answer)?;
    if answered.status >= 300 {
        expect(&answered, 200, "answering a question")?;
    }
    let submitted = run.client.post(&format!("{path}/submit"), Some(&token), &json!({}))?;
    expect(&submitted, 200, "submitting an inspection")?;
    run.resources.retain(|resource| !matches!(resource, Resource::Draft(_)));
    run.resources.push(Resource::Inspection(inspection));

    let machine = machine.unwrap_or_default();
    let defects = run.client.get(&format!("/api/defects?equipment_id={machine}"), Some(&token))?;
    expect(&defects, 200, "listing defects")?;
    let Some(defect) = defects.at("/data/0/id").as_i64() else {
        return Err(fail("a failed answer created no defect", "read the log of the service"));
    };
    run.resources.push(Resource::Defect(defect));
    let notices = run.client.get("/api/notifications?type=defect_created&per_page=100", Some(&token))?;
    expect(&notices, 200, "listing notifications")?;
    let is_it = |notice: &Value| notice["related_type"] == "defect" && notice["related_id"] == defect;
    if notices.at("/data").as_array().is_some_and(|notices| notices.iter().any(is_it)) {
        return Ok(pass("a failed answer created a defect, and its inspector was notified"));
    }
    Ok(fail("a defect was created without a notification", "read the log of the service"))
}
