"""Sign-in of the generated calls. A call may end the session or lock the account that makes it, so
that every session is one of an admin created for it."""

import json
import os
import subprocess
import urllib.request
import uuid

import schemathesis

PASSWORD = "a long passphrase of the tests 7"


def admin():
    """E-mail address of a new admin, created by the program beside the service."""
    email = f"contract-{uuid.uuid4()}@example.com"
    create = [os.environ["PROGRAM"], "admin", "create", "--email", email, "--name", "Contract", "--password-stdin"]
    subprocess.run(create, input=PASSWORD, text=True, check=True, capture_output=True)
    return email


def tokens(email):
    body = json.dumps({"email": email, "password": PASSWORD}).encode()
    login = urllib.request.Request(os.environ["SERVICE"] + "/api/auth/login", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(login) as answer:
        return json.load(answer)


SUCCEEDED = set()


@schemathesis.hook
def after_call(context, case, response):
    """Lists the operations that were carried out at least once."""
    operation = f"{case.operation.method} {case.operation.path}"
    if response.status_code < 300 and operation not in SUCCEEDED:
        SUCCEEDED.add(operation)
        with open(os.environ["SUCCEEDED"], "a") as file:
            print(operation, file=file)


@schemathesis.auth(refresh_interval=20)
class Session:
    def get(self, case, context):
        return tokens(admin())

    def set(self, case, data, context):
        operation = context.operation.definition.raw
        if operation["operationId"].startswith(("sessions.", "users.")):
            data = tokens(admin())
        kind = "refresh_token" if operation.get("security") == [{"refresh_token": []}] else "access_token"
        case.headers["Authorization"] = "Bearer " + data[kind]
