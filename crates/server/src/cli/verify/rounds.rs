//! A round in small: a machine, a checklist, an inspection that finds something, and who is told of it.

use serde_json::{Value, json};

use super::{Look, Run, Seen, cleanup::Made, expect, fail, http::Answer, pass};

/// Posts for the admin, and gives the number of what was made.
fn make(run: &mut Run, token: &str, path: &str, body: &Value, made: fn(i64) -> Made) -> Result<Answer, Look> {
    let answer = run.http.post(path, Some(token), body)?;
    expect(&answer, 201, &format!("POST {path}"))?;
    run.made.extend(answer.id().map(made));
    Ok(answer)
}

/// A failed answer becomes a defect, and the inspector is told.
pub(super) fn notification(run: &mut Run) -> Seen {
    let token = run.admin()?;
    // Types have at most 100 letters; this is one that nobody's machines have.
    let kind = run.name.clone();
    let machine = json!({
        "name": run.name, "equipment_type": kind, "serial_number": run.name, "location": "verification",
    });
    let machine = make(run, &token, "/api/equipment", &machine, Made::Machine)?.id();
    let question =
        json!({"question_text": "Made by verify?", "answer_type": "pass_fail", "category": "mechanical"});
    let checklist = json!({"name": run.name, "equipment_type": kind, "items": [question]});
    let checklist = make(run, &token, "/api/checklists", &checklist, Made::Checklist)?;
    let question = checklist.at("/data/items/0/id").clone();
    let start = json!({"equipment_id": machine});
    let inspection =
        make(run, &token, "/api/inspections/start", &start, Made::Draft)?.id().unwrap_or_default();
    let answer = json!({"checklist_item_id": question, "answer_value": "fail"});
    let path = format!("/api/inspections/{inspection}");
    let answered = run.http.post(&format!("{path}/answer"), Some(&token), &answer)?;
    if answered.status >= 300 {
        expect(&answered, 200, "answering a question")?;
    }
    let submitted = run.http.post(&format!("{path}/submit"), Some(&token), &json!({}))?;
    expect(&submitted, 200, "handing an inspection in")?;
    run.made.retain(|made| !matches!(made, Made::Draft(_)));
    run.made.push(Made::Inspection(inspection));

    let machine = machine.unwrap_or_default();
    let defects = run.http.get(&format!("/api/defects?equipment_id={machine}"), Some(&token))?;
    expect(&defects, 200, "listing defects")?;
    let Some(defect) = defects.at("/data/0/id").as_i64() else {
        return Err(fail("a failed answer has made no defect", "look into the log of the service"));
    };
    run.made.push(Made::Defect(defect));
    let told = run.http.get("/api/notifications?type=defect_created&per_page=100", Some(&token))?;
    expect(&told, 200, "listing notifications")?;
    let is_it = |notice: &Value| notice["related_type"] == "defect" && notice["related_id"] == defect;
    if told.at("/data").as_array().is_some_and(|notices| notices.iter().any(is_it)) {
        return Ok(pass("a failed answer has made a defect, and its inspector was told"));
    }
    Ok(fail("a defect was made, and nobody was told", "look into the log of the service"))
}
