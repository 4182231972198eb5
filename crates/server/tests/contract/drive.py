"""Drives the generated client over every read of the document, and through one inspection."""

import base64
import importlib
import json
import os
import sys
from io import BytesIO

import httpx
from inspection_service_client import AuthenticatedClient, Client
from inspection_service_client.models import (
    Login,
    NewAnswer,
    NewEngineerJob,
    NewEquipment,
    NewFile,
    NewLeave,
    NewTemplate,
    ReportsTrendsMetric,
    StartInspection,
    TakeoversQueueJobType,
)
from inspection_service_client.types import File

SERVICE = os.environ["SERVICE"]
# The accounts of the demo site, one of each role. The first that may read a resource reads it.
ROLES = ["admin", "inspector", "engineer", "specialist", "quality-engineer"]
# Lists that name the objects of paths: the others are the path up to the parameter.
LISTS = {
    "/api/inspection-assignments/{id}/answers": ("/api/inspection-assignments/my-assignments", "id"),
    "/api/inspections/by-assignment/{assignment_id}": ("/api/inspection-assignments/my-assignments", "id"),
    "/api/ratings/technicians/{id}": ("/api/users", "id"),
    "/api/admin/tasks/{name}/runs": ("/api/admin/tasks", "name"),
}
# A picture of one pixel.
PHOTO = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
# Parameters that reads need.
REQUIRED = {"takeovers.queue": {"job_type": TakeoversQueueJobType.SPECIALIST, "job_id": 1}, "reports.trends": {"metric": ReportsTrendsMetric.DEFECTS}}
# Answers that no generator models: a stream, a redirect, and files.
OTHERS = {
    "docs.docs",
    "docs.openapi",
    "equipment.labels",
    "equipment.qr_code",
    "files.download",
    "files.thumbnail",
    "inspections.report",
    "lists.sheet",
    "metrics.show",
    "password.page",
    "password.script",
    "password.style",
    "security.contact",
    "stream.stream",
}


def call(operation, client, **arguments):
    """The response to an operation, parsed into the model of its status."""
    module = operation.replace(".", "_")
    package = operation.split(".")[0]
    operation = importlib.import_module(f"inspection_service_client.api.{package}.{module}")
    return operation.sync_detailed(client=client, **arguments)


def expect(response, status=(200, 201)):
    if response.status_code not in status:
        sys.exit(f"{response.status_code}: {response.content.decode()}")
    return response.parsed


def signed_in(role):
    credentials = Login(email=f"{role}1@demo.example", password=os.environ["PASSWORD"])
    session = expect(call("sessions.login", Client(base_url=SERVICE), body=credentials))
    return AuthenticatedClient(base_url=SERVICE, token=session.access_token)


def differences(sent, kept, at=""):
    """What a model lost of the JSON that it was made of. Times may be written in other ways."""
    if isinstance(sent, dict) and isinstance(kept, dict):
        for name in sent.keys() | kept.keys():
            if name not in kept or name not in sent:
                yield f"{at}/{name}"
            else:
                yield from differences(sent[name], kept[name], f"{at}/{name}")
    elif isinstance(sent, list) and isinstance(kept, list):
        if len(sent) != len(kept):
            yield at
        for index, (a, b) in enumerate(zip(sent, kept)):
            yield from differences(a, b, f"{at}/{index}")
    elif sent != kept and not (isinstance(sent, str) and isinstance(kept, str) and sent[:10] == kept[:10]):
        yield f"{at}: {sent!r}, not {kept!r}"


def identifier(people, path):
    """An object for a path with a parameter, from the list before it, and a person who sees it."""
    listed, field = LISTS.get(path, (path.split("/{")[0], "id"))
    for person in people:
        answer = httpx.get(SERVICE + listed, headers={"Authorization": f"Bearer {person.token}"})
        if answer.status_code == 200 and answer.json()["data"]:
            yield from ((person, row[field]) for row in answer.json()["data"])


def read_everything(document, people):
    """Reads every resource, and returns the number of the operations."""
    read = 0
    for path, item in document["paths"].items():
        operation = item.get("get", {}).get("operationId")
        if operation is None or operation in OTHERS:
            continue
        parameters = [parameter["name"] for parameter in item["get"]["parameters"] if parameter["in"] == "path"]
        if parameters:
            attempts = ((person, {parameters[0]: value}) for person, value in identifier(people, path))
        else:
            attempts = ((person, {}) for person in people)
        refused = []
        for person, arguments in attempts:
            answer = call(operation, person, **arguments, **REQUIRED.get(operation, {}))
            if answer.status_code == 200:
                break
            refused.append((arguments, int(answer.status_code), answer.content.decode()[:200]))
        else:
            sys.exit(f"{operation}: nobody reads it: {refused[:3]}")
        lost = list(differences(json.loads(answer.content), answer.parsed.to_dict()))
        if lost:
            sys.exit(f"{operation}: the model differs from the response: {lost[:5]}")
        read += 1
    return read


def inspect(admin, inspector):
    """An inspection with a failed question, from the checklist to the defect."""
    questions = ["Is the casing free of leaks?", "Is the motor quiet?"]
    template = NewTemplate.from_dict({
        "name": "Pumps",
        "equipment_type": "Generated pump",
        "items": [{"question_text": text, "answer_type": "pass_fail"} for text in questions],
    })
    checklist = expect(call("checklists.create", admin, body=template)).data
    assert [item.question_text for item in checklist.items] == questions, checklist
    machine = NewEquipment(name="Generated pump 1", equipment_type="Generated pump", serial_number="GP-1")
    machine = expect(call("equipment.create", admin, body=machine)).data
    started = expect(call("inspections.start", inspector, body=StartInspection(equipment_id=machine.id))).data
    for question, value in zip(started.checklist_items, ["fail", "pass"]):
        answer = NewAnswer(checklist_item_id=question.id, answer_value=value, comment="Drops at the flange.")
        expect(call("inspections.answer", inspector, id=started.id, body=answer))
    submitted = expect(call("inspections.submit", inspector, id=started.id)).data
    assert submitted.status.value == "submitted", submitted
    defects = expect(call("defects.list", admin, equipment_id=machine.id)).data
    assert len(defects) == 1 and defects[0].equipment.id == machine.id, defects
    missing = call("defects.get", admin, id=2**40)
    assert missing.status_code == 404 and missing.parsed.code.value == "NOT_FOUND", missing


def fill(admin, inspector, engineer):
    """Creates what the demo site lacks."""
    job = NewEngineerJob.from_dict({"job_type": "special_task", "title": "Overhaul of the hoist", "planned_time_days": 2})
    expect(call("engineer_jobs.create", engineer, body=job))
    leave = NewLeave.from_dict({"leave_type": "annual", "date_from": "2031-03-01", "date_to": "2031-03-02"})
    expect(call("leaves.request", inspector, body=leave))
    photo = File(payload=BytesIO(base64.b64decode(PHOTO)), file_name="photo.png", mime_type="image/png")
    expect(call("files.upload", admin, body=NewFile(file=photo)))


def main():
    document = httpx.get(SERVICE + "/api/openapi.json").json()
    people = [signed_in(role) for role in ROLES]
    inspect(people[0], people[1])
    fill(*people[:3])
    print(f"{read_everything(document, people)} reads and one inspection")


main()
