//! User accounts.

use inspection_auth::{
    passwords,
    permissions::{ManageUsers, SignedIn},
};
use inspection_domain::{
    ids::UserId,
    points::PointEntry,
    sessions::PasswordReset,
    users::{NewUser, Password, User, UserChanges, UserFilter, may_see, open_work::OpenWork},
};
use inspection_persistence::{points, users, versions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    entity_tags::Versioned,
    input::{Body, ListQuery, Path, Unfiltered},
    permit::Permit,
    problem::Problem,
    rendered::Rendered,
    reply::{Created, Done, Paged, Reply},
    routes::Routes,
};

/// Endpoints of user accounts.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("users", "Accounts, their roles and their points");
    routes.get("/api/users", "users.list", list, "List users, filtered");
    routes.post("/api/users", "users.create", create, "Create an account");
    routes.get("/api/users/{id}", "users.get", get, "Get a user; admins see all, others themselves");
    routes.put("/api/users/{id}", "users.update", update, "Update an account");
    routes.delete(
        "/api/users/{id}",
        "users.deactivate",
        deactivate,
        "Deactivate an account and end its sessions",
    );
    routes.post(
        "/api/users/{id}/reset-password",
        "users.reset_password",
        reset_password,
        "Reset a user's password and end the user's sessions",
    );
    routes.get(
        "/api/users/{id}/points",
        "users.ledger",
        ledger,
        "List the points ledger; admins see all, others their own",
    );
}

inspection_domain::shows!(UserView {}, LeaverView { user });

/// An account, as admins and the user see it.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct UserView {
    #[serde(flatten)]
    user: User,
    /// Badge of the major role.
    employee_id: String,
}

/// A deactivated user.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct LeaverView {
    #[serde(flatten)]
    user: UserView,
    /// Work that must be given to others or cancelled.
    open_work: OpenWork,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self { employee_id: user.role_id.clone(), user }
    }
}

async fn list(
    app: App,
    permit: Permit<ManageUsers>,
    query: ListQuery<UserFilter>,
) -> Result<Paged<UserView>, Problem> {
    let page = app.read(permit, query, |conn, _, (filter, page)| {
        Ok(users::list(conn, &filter, page)?.map(UserView::from))
    });
    Ok(Paged(page.await?))
}

async fn hash(app: &App, password: &Password) -> Result<String, Problem> {
    let (password, salt) = (password.clone(), app.context().ids.random());
    app.hash(move || passwords::hash(&password, salt)).await?.map_err(Problem::internal)
}

async fn create(
    app: App,
    permit: Permit<ManageUsers>,
    body: Body<NewUser>,
) -> Result<Rendered<Created<UserView>>, Problem> {
    let (_, new) = app.authorize(permit.clone(), body).await?;
    let hash = hash(&app, &new.password).await?;
    app.write(permit, (), move |tx, _, ()| {
        Ok(Created::with(users::create(tx, new, &hash)?.into(), "account created"))
    })
    .await
}

async fn get(app: App, permit: Permit<SignedIn>, id: Path<UserId>) -> Result<Reply<UserView>, Problem> {
    let user = app.read(permit, id, |conn, caller, id| {
        may_see(&caller.user, id)?;
        let user = users::get(conn, id)?;
        Ok(Versioned { version: versions::of(&user)?, view: user.into() })
    });
    Ok(Reply::versioned(user.await?))
}

async fn update(
    app: App,
    permit: Permit<ManageUsers>,
    id: Path<UserId>,
    body: Body<UserChanges>,
) -> Result<Rendered<Reply<UserView>>, Problem> {
    app.write(permit, (id, body), |tx, _, (id, changes)| {
        Ok(Reply::with(users::update(tx, id, changes)?.into(), "account changed"))
    })
    .await
}

async fn deactivate(
    app: App,
    permit: Permit<ManageUsers>,
    id: Path<UserId>,
) -> Result<Rendered<Reply<LeaverView>>, Problem> {
    app.write(permit, id, |tx, _, id| {
        let user = users::deactivate(tx, id)?.into();
        let open_work = users::open_work(tx.conn(), id)?;
        Ok(Reply::with(LeaverView { user, open_work }, "account deactivated"))
    })
    .await
}

async fn reset_password(
    app: App,
    permit: Permit<ManageUsers>,
    id: Path<UserId>,
    body: Body<PasswordReset>,
) -> Result<Rendered<Done>, Problem> {
    let (_, (id, reset)) = app.authorize(permit.clone(), (id, body)).await?;
    let hash = hash(&app, &reset.new_password).await?;
    app.write(permit, Path::from(id), move |tx, _, id| {
        users::reset_password(tx, id, &reset.new_password, &hash)?;
        Ok(Done("password changed"))
    })
    .await
}

async fn ledger(
    app: App,
    permit: Permit<SignedIn>,
    id: Path<UserId>,
    query: ListQuery<Unfiltered>,
) -> Result<Paged<PointEntry>, Problem> {
    let page = app.read(permit, (id, query), |conn, caller, (id, (_, page))| {
        may_see(&caller.user, id)?;
        users::get(conn, id)?;
        points::list(conn, id, page)
    });
    Ok(Paged(page.await?))
}
