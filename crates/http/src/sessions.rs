//! Sign-in, sign-out and token refresh.

use inspection_auth::{
    passwords,
    permissions::{OwnAccess, SignedIn},
    tokens::{TokenType, Tokens},
};
use inspection_domain::{
    ids::UserId,
    sessions::{Login, Logout, PasswordChange, Session, SessionId, SessionRule},
    time::Instant,
    users::{OwnChanges, UserRule},
};
use inspection_persistence::{
    sessions::{self, Account, FailedSignIn},
    users,
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    users::UserView,
    web::{
        app::App,
        attempts::{Attempt, PasswordGuard},
        input::{Body, Path},
        limits::Limit,
        permit::{Permit, Public, RefreshToken, RequestOrigin},
        problem::Problem,
        rendered::Rendered,
        reply::{Bare, Complete, Done, Reply},
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
            "Sign in with e-mail address and password; 5 requests a minute for each account",
        )
        .errors(&[401])
        .limit(Limit::Login);
    routes
        .post(
            "/api/auth/refresh",
            "sessions.refresh",
            refresh,
            "Exchange a refresh token for new tokens; 10 requests a minute",
        )
        .limit(Limit::Refresh);
    routes.get("/api/auth/me", "sessions.me", me, "Get the signed-in user");
    routes.put(
        "/api/auth/me",
        "sessions.update_me",
        update_me,
        "Change the user's own telephone number and language",
    );
    routes.post(
        "/api/auth/logout",
        "sessions.logout",
        logout,
        "End the session and, if its refresh token is given, another one",
    );
    routes.get(
        "/api/auth/sessions",
        "sessions.list",
        list,
        "List the user's sessions, the latest used first",
    );
    routes.delete("/api/auth/sessions/{id}", "sessions.end", end, "End a session of the user");
    routes.post("/api/auth/logout-all", "sessions.logout_all", logout_all, "End all sessions of the user");
    routes
        .post(
            "/api/auth/change-password",
            "sessions.change_password",
            change_password,
            "Change the user's password; ends all other sessions; 5 requests a minute, with those to sign in",
        )
        .limit(Limit::Login);
}

/// A new session.
#[derive(Debug, Serialize, ToSchema)]
struct SignedInAs {
    /// Always `success`.
    status: &'static str,
    /// Bearer token for requests.
    access_token: String,
    /// Bearer token for refreshing the access token, once.
    refresh_token: String,
    /// Always `Bearer`.
    token_type: &'static str,
    /// Lifetime of the access token, in seconds.
    expires_in: i64,
    /// The user.
    user: UserView,
}

/// New tokens of a session.
#[derive(Debug, Serialize, ToSchema)]
struct Refreshed {
    /// Always `success`.
    status: &'static str,
    /// Bearer token for requests.
    access_token: String,
    /// Bearer token for the next refresh, in place of the one that was sent.
    refresh_token: String,
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

inspection_domain::shows!(SessionView {});

/// A session of the user.
#[derive(Debug, Serialize, ToSchema)]
struct SessionView {
    /// Name of the session.
    id: SessionId,
    /// Time of the sign-in.
    created_at: Instant,
    /// Time of the sign-in or of the latest refresh.
    last_used_at: Instant,
    /// Its end, unless it is refreshed before.
    expires_at: Instant,
    /// Network address at that time.
    address: Option<String>,
    /// User agent at that time.
    user_agent: Option<String>,
    /// Whether it is the session of the request.
    is_current: bool,
}

impl SessionView {
    fn new(session: Session, current: SessionId) -> Self {
        Self {
            id: session.id,
            created_at: session.created_at,
            last_used_at: session.last_used_at,
            expires_at: session.expires_at,
            address: session.address,
            user_agent: session.user_agent,
            is_current: session.id == current,
        }
    }
}

fn issue(tokens: &Tokens, kind: TokenType, session: &Session, now: Instant) -> Result<String, Problem> {
    tokens.issue(kind, session, now).ok_or_else(|| Problem::internal("signing a token failed"))
}

fn signed_in(app: &App, user: UserView, session: &Session) -> Result<SignedInAs, Problem> {
    let (tokens, now) = (app.tokens(), app.now());
    Ok(SignedInAs {
        status: "success",
        access_token: issue(tokens, TokenType::Access, session, now)?,
        refresh_token: issue(tokens, TokenType::Refresh, session, now)?,
        token_type: "Bearer",
        expires_in: tokens.seconds_in(TokenType::Access, session, now),
        user,
    })
}

/// How long a session lasts without a refresh, in seconds.
fn idle(app: &App) -> i64 {
    app.tokens().seconds(TokenType::Refresh)
}

/// The account of an e-mail address or badge, and the addresses from which it has signed in.
async fn find(app: &App, public: Public, email: String) -> Result<(Option<Account>, Vec<String>), Problem> {
    app.read_public(public, move |conn| {
        let account = sessions::find_account(conn, &email)?;
        let known = match &account {
            Some(account) => sessions::addresses(conn, account.user.id)?,
            None => Vec::new(),
        };
        Ok((account, known))
    })
    .await
}

/// Records a wrong password.
async fn record_failure(
    app: &App,
    public: Public,
    origin: RequestOrigin,
    (attempt, user_id, rule): (Attempt<'_>, Option<UserId>, SessionRule),
) -> Result<(), Problem> {
    let failed = FailedSignIn { account: attempt.account, user_id, rule, number: attempt.number };
    app.write_public(public, origin, move |tx| sessions::fail(tx, &failed)).await
}

async fn login(
    app: App,
    public: Public,
    origin: RequestOrigin,
    guard: PasswordGuard,
    body: Body<Login>,
) -> Result<Bare<SignedInAs>, Problem> {
    let Login { email, password } = body.into_valid()?;
    let (account, known) = find(&app, public, email.to_string()).await?;
    // Attempts with the address and with the badge count together.
    let name = account.as_ref().map_or(&*email, |account| &account.user.email);
    let attempt = guard.begin(&app, name, &known).await?;
    let stored = account.as_ref().map(|account| account.password_hash.clone());
    let salt = app.context().ids.random();
    let (verified, renewed) = app
        .hash(move || {
            let verified = passwords::verify(&password, stored.as_deref());
            let is_weak = verified && stored.is_some_and(|stored| !passwords::is_current(&stored));
            (verified, is_weak.then(|| passwords::hash(&password, salt)))
        })
        .await?;
    match account {
        Some(mut account) if verified && account.user.is_active => {
            account.renewed_hash = renewed.transpose().map_err(Problem::internal)?;
            attempt.succeed().await;
            let (idle, user) = (idle(&app), account.user.clone());
            let started = app.write_public(public, origin, move |tx| sessions::start(tx, &account, idle));
            Ok(Bare(signed_in(&app, user.into(), &started.await?)?))
        }
        refused => {
            app.metrics().sign_in_failed();
            let is_disabled = refused.is_some() && verified;
            let rule = if is_disabled { SessionRule::Disabled } else { SessionRule::WrongCredentials };
            let user_id = refused.map(|account| account.user.id);
            record_failure(&app, public, origin, (attempt, user_id, rule)).await?;
            Err(Problem::from_rule(&rule))
        }
    }
}

async fn refresh(
    app: App,
    public: Public,
    RefreshToken(token): RefreshToken,
    origin: RequestOrigin,
) -> Result<Bare<Refreshed>, Problem> {
    let idle = idle(&app);
    let refreshed = app
        .write_public(public, origin, move |tx| sessions::refresh(tx, &token.session, token.refreshes, idle));
    let session = refreshed.await?.ok_or_else(|| Problem::from_rule(&SessionRule::Revoked))?;
    let (tokens, now) = (app.tokens(), app.now());
    Ok(Bare(Refreshed {
        status: "success",
        access_token: issue(tokens, TokenType::Access, &session, now)?,
        refresh_token: issue(tokens, TokenType::Refresh, &session, now)?,
        token_type: "Bearer",
        expires_in: tokens.seconds_in(TokenType::Access, &session, now),
    }))
}

async fn me(app: App, permit: Permit<OwnAccess>) -> Result<Bare<Me>, Problem> {
    let user = app.read(permit, (), |_, caller, ()| Ok(caller.user.clone())).await?;
    Ok(Bare(Me { status: "success", user: user.into() }))
}

async fn update_me(
    app: App,
    permit: Permit<SignedIn>,
    body: Body<OwnChanges>,
) -> Result<Rendered<Reply<UserView>>, Problem> {
    app.write(permit, body, |tx, _, changes| {
        Ok(Reply::with(users::update_own(tx, changes)?.into(), "account changed"))
    })
    .await
}

async fn logout(app: App, permit: Permit<OwnAccess>, body: Body<Logout>) -> Result<Rendered<Done>, Problem> {
    let (tokens, now, current) = (app.tokens().clone(), app.now(), permit.token.session.id);
    app.write(permit, body, move |tx, caller, logout| {
        // An invalid or foreign refresh token must not prevent the sign-out.
        let refresh = logout.refresh_token.and_then(|text| tokens.read(&text, TokenType::Refresh, now).ok());
        let other = refresh.filter(|token| token.session.user_id == caller.user.id);
        sessions::logout(tx, current, other.map(|token| token.session.id))?;
        Ok(Done("signed out"))
    })
    .await
}

async fn list(app: App, permit: Permit<SignedIn>) -> Result<Reply<Complete<SessionView>>, Problem> {
    let current = permit.token.session.id;
    let open = app.read(permit, (), move |conn, caller, ()| {
        let open = sessions::list(conn, caller.user.id, caller.now)?;
        Ok(Complete(open.into_iter().map(|session| SessionView::new(session, current)).collect()))
    });
    Ok(Reply::new(open.await?))
}

async fn end(app: App, permit: Permit<SignedIn>, id: Path<SessionId>) -> Result<Rendered<Done>, Problem> {
    app.write(permit, id, |tx, _, id| {
        sessions::end(tx, id)?;
        Ok(Done("session ended"))
    })
    .await
}

async fn logout_all(app: App, permit: Permit<OwnAccess>) -> Result<Rendered<Done>, Problem> {
    app.write(permit, (), |tx, _, ()| {
        sessions::logout_all(tx)?;
        Ok(Done("signed out everywhere"))
    })
    .await
}

async fn change_password(
    app: App,
    permit: Permit<OwnAccess>,
    guard: PasswordGuard,
    body: Body<PasswordChange>,
) -> Result<Bare<SignedInAs>, Problem> {
    let (caller, change) = app.authorize(permit.clone(), body).await?;
    change.replaces()?;
    let email = caller.user.email;
    let (account, known) = find(&app, Public, email.clone()).await?;
    let attempt = guard.begin(&app, &email, &known).await?;
    let seen_hash = account.map(|account| account.password_hash).unwrap_or_default();
    let salt = app.context().ids.random();
    let PasswordChange { current_password, new_password } = change;
    let (stored, new) = (seen_hash.clone(), new_password.clone());
    let hash = app
        .hash(move || {
            passwords::verify(&current_password, Some(&stored)).then(|| passwords::hash(&new, salt))
        })
        .await?;
    let Some(hash) = hash else {
        let failed = (attempt, Some(caller.user.id), SessionRule::WrongCredentials);
        record_failure(&app, Public, RequestOrigin(permit.origin.clone()), failed).await?;
        return Err(Problem::from_rule(&UserRule::WrongPassword));
    };
    let hash = hash.map_err(Problem::internal)?;
    attempt.succeed().await;
    let idle = idle(&app);
    let changed = app.transact(permit, (), move |tx, _, ()| {
        users::change_password(tx, &new_password, &seen_hash, &hash, idle)
    });
    let (user, session) = changed.await?;
    Ok(Bare(signed_in(&app, user.into(), &session)?))
}
