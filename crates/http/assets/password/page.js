"use strict";

const at = (id) => document.getElementById(id);
const fields = ["account", "current", "new", "again"].map(at);
const [account, current, replacement, again] = fields;
const language = document.documentElement.lang;
// Fields of the form by their names in the API.
const named = { email: account, current_password: current, new_password: replacement };
// Sign-ins are limited: the session serves the next try of a new password, too.
let session = null;

async function call(path, body, token) {
  const headers = { "Content-Type": "application/json", "Accept-Language": language };
  if (token) headers.Authorization = `Bearer ${token}`;
  const response = await fetch(`api/auth/${path}`, {
    method: "POST", headers, body: JSON.stringify(body), cache: "no-store", credentials: "omit",
  });
  const answer = await response.json().catch(() => null);
  if (!answer) throw new Error("no JSON");
  return { ok: response.ok, status: response.status, answer };
}

function show(nodes, wrong, isDone = false) {
  for (const field of fields) field.setAttribute("aria-invalid", String(wrong.includes(field)));
  at("result").replaceChildren(...nodes.map((node) => {
    const line = document.createElement("p");
    if (isDone) line.className = "done";
    line.append(node);
    return line;
  }));
  (wrong[0] ?? at("result")).focus();
}

const known = (id) => at(id).content.cloneNode(true);

function refuse({ answer }) {
  const errors = answer.errors ?? [];
  const wrong = errors.map((error) => named[error.field]).filter(Boolean);
  show(errors.length ? errors.map((error) => error.message) : [answer.message], wrong);
}

async function signedIn() {
  const credentials = { email: account.value, password: current.value };
  const key = JSON.stringify(credentials);
  if (session?.key === key) return session;
  const login = await call("login", credentials);
  if (!login.ok) {
    refuse(login);
    return null;
  }
  session = { key, token: login.answer.access_token };
  return session;
}

async function change() {
  if (!(await signedIn())) return;
  const body = { current_password: current.value, new_password: replacement.value };
  const changed = await call("change-password", body, session.token);
  if (!changed.ok) {
    if (changed.status === 401) session = null;
    refuse(changed);
    return;
  }
  // The page leaves no session behind.
  await call("logout", {}, changed.answer.access_token).catch(() => null);
  session = null;
  at("form").reset();
  at("form").hidden = true;
  show([known("done")], [], true);
}

at("form").addEventListener("submit", async (event) => {
  event.preventDefault();
  const empty = fields.filter((field) => !field.value);
  if (empty.length) return show([known("empty")], empty);
  if (replacement.value !== again.value) return show([known("different")], [again]);
  at("send").disabled = true;
  try {
    await change();
  } catch {
    show([known("unreachable")], []);
  } finally {
    at("send").disabled = false;
  }
});
