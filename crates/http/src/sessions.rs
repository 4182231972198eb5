//! Sign-in, sign-out and token refresh.

use inspection_auth::{
    passwords,
    permissions::SignedIn,
    tokens::{TokenType, Tokens},
};
use inspection_domain::{
    ids::Ids,
    sessions::{Login, Logout, PasswordChange, Session, SessionRule},
    time::Instant,
    users::{User, UserRule},
};
use inspection_persistence::{sessions, users};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    users::UserView,
    web::{
        app::App,
        input::Body,
        limits::Limit,
        permit::{Permit, Public, RefreshToken},
        problem::Problem,
        rendered::Rendered,
        reply::{Bare, Done},
        routes::Routes,
    },
};

/// Endpoints of sessions.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("sessions", "Sign-in, sign-out and the tokens of a session");
    routes
        .post(
            "/api/auth/login",
            "sessions.login",
            login,
            "Sign in with e-mail address and password; 5 requests a minute",
        )
        .errors(&[401])
        .limit(Limit::Login);
    routes
        .post(
            "/api/auth/refresh",
            "sessions.refresh",
            refresh,
            "Exchange a refresh token for a new access token; 10 requests a minute",
        )
        .limit(Limit::Refresh);
    routes.get("/api/auth/me", "sessions.me", me, "Get the signed-in user");
    routes.post(
        "/api/auth/logout",
        "sessions.logout",
        logout,
        "Revoke the current access token and, if given, the refresh token",
    );
    routes.post("/api/auth/logout-all", "sessions.logout_all", logout_all, "End all sessions of the user");
    routes.post(
        "/api/auth/change-password",
        "sessions.change_password",
        change_password,
        "Change the user's password; ends all other sessions",
    );
}

/// A new session.
#[derive(Debug, Serialize, ToSchema)]
struct SignedInAs {
    /// Always `success`.
    status: &'static str,
    /// Bearer token for requests.
    access_token: String,
    /// Bearer token for refreshing the access token.
    refresh_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Lifetime of the access token, in seconds.
    expires_in: i64,
    /// The user.
    user: UserView,
}

/// A new access token.
#[derive(Debug, Serialize, ToSchema)]
struct Refreshed {
    /// Always `success`.
    status: &'static str,
    /// Bearer token for requests.
    access_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Lifetime of the access token, in seconds.
    expires_in: i64,
}

/// The signed-in user.
#[derive(Debug, Serialize, ToSchema)]
struct Me {
    /// Always `success`.
    status: &'static str,
    /// The user.
    user: UserView,
}

fn issue(
    tokens: &Tokens,
    kind: TokenType,
    ids: &dyn Ids,
    user: &User,
    generation: i64,
    now: Instant,
) -> Result<String, Problem> {
    let session = Session { user_id: user.id, token_id: ids.unique(), generation };
    tokens.issue(kind, &session, now).ok_or_else(|| Problem::internal("signing a token failed"))
}

fn start_session(app: &App, user: User, generation: i64) -> Result<SignedInAs, Problem> {
    let (tokens, ids, now) = (app.tokens(), app.context().ids.as_ref(), app.now());
    Ok(SignedInAs {
        status: "success",
        access_token: issue(tokens, TokenType::Access, ids, &user, generation, now)?,
        refresh_token: issue(tokens, TokenType::Refresh, ids, &user, generation, now)?,
        token_type: "Bearer",
        expires_in: tokens.seconds(TokenType::Access),
        user: user.into(),
    })
}

async fn login(app: App, public: Public, body: Body<Login>) -> Result<Bare<SignedInAs>, Problem> {
    let Login { email, password } = body.into_valid()?;
    let account = app.read_public(public, move |conn| sessions::find_account(conn, &email)).await?;
    let stored = account.as_ref().map(|account| account.password_hash.clone());
    let verified = app.hash(move || passwords::verify(&password, stored.as_deref())).await?;
    match account {
        Some(account) if verified && account.user.is_active => {
            Ok(Bare(start_session(&app, account.user, account.generation)?))
        }
        refused => {
            app.metrics().sign_in_failed();
            let is_disabled = refused.is_some() && verified;
            let rule = if is_disabled { SessionRule::Disabled } else { SessionRule::WrongCredentials };
            Err(Problem::from_rule(&rule))
        }
    }
}

async fn refresh(
    app: App,
    public: Public,
    RefreshToken(token): RefreshToken,
) -> Result<Bare<Refreshed>, Problem> {
    let generation = token.session.generation;
    let user = app.read_public(public, move |conn| sessions::authenticate(conn, &token.session)).await?;
    let ids = app.context().ids.as_ref();
    Ok(Bare(Refreshed {
        status: "success",
        access_token: issue(app.tokens(), TokenType::Access, ids, &user, generation, app.now())?,
        token_type: "Bearer",
        expires_in: app.tokens().seconds(TokenType::Access),
    }))
}

async fn me(app: App, permit: Permit<SignedIn>) -> Result<Bare<Me>, Problem> {
    let user = app.read(permit, (), |_, caller, ()| Ok(caller.user.clone())).await?;
    Ok(Bare(Me { status: "success", user: user.into() }))
}

async fn logout(app: App, permit: Permit<SignedIn>, body: Body<Logout>) -> Result<Rendered<Done>, Problem> {
    let (tokens, now, access) = (app.tokens().clone(), app.now(), permit.token.clone());
    app.write(permit, body, move |tx, caller, logout| {
        let mut ending = vec![(access.session.token_id, access.expires_at)];
        // An invalid or foreign refresh token must not prevent the sign-out.
        let refresh = logout.refresh_token.and_then(|text| tokens.read(&text, TokenType::Refresh, now).ok());
        if let Some(token) = refresh.filter(|token| token.session.user_id == caller.user.id) {
            ending.push((token.session.token_id, token.expires_at));
        }
        sessions::logout(tx, &ending)?;
        Ok(Done("signed out"))
    })
    .await
}

async fn logout_all(app: App, permit: Permit<SignedIn>) -> Result<Rendered<Done>, Problem> {
    app.write(permit, (), |tx, _, ()| {
        sessions::logout_all(tx)?;
        Ok(Done("signed out everywhere"))
    })
    .await
}

async fn change_password(
    app: App,
    permit: Permit<SignedIn>,
    body: Body<PasswordChange>,
) -> Result<Bare<SignedInAs>, Problem> {
    let (caller, change) = app.authorize(permit.clone(), body).await?;
    let email = caller.user.email;
    let account = app.read_public(Public, move |conn| sessions::find_account(conn, &email)).await?;
    let seen_hash = account.map(|account| account.password_hash).unwrap_or_default();
    let salt = app.context().ids.random();
    let PasswordChange { current_password, new_password } = change;
    let (stored, new) = (seen_hash.clone(), new_password.clone());
    let hash = app
        .hash(move || {
            passwords::verify(&current_password, Some(&stored)).then(|| passwords::hash(&new, salt))
        })
        .await?
        .ok_or_else(|| Problem::from_rule(&UserRule::WrongPassword))?
        .map_err(Problem::internal)?;
    let changed = app
        .transact(permit, (), move |tx, _, ()| users::change_password(tx, &new_password, &seen_hash, &hash));
    let (user, generation) = changed.await?;
    Ok(Bare(start_session(&app, user, generation)?))
}
