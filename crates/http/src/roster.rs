//! Roster: the shifts of people on dates.

use inspection_auth::permissions::PlanRoster;
use inspection_domain::{
    roster::{RosterChange, RosterEntry, RosterFilter, RosterPlan},
    users::UserSummary,
};
use inspection_persistence::roster;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    related::{References, Related, View, list_views},
    web::{
        app::{App, Caller},
        input::{Body, ListQuery},
        permit::Permit,
        problem::Problem,
        rendered::Rendered,
        reply::{Paged, Reply},
        routes::Routes,
    },
};

/// Endpoints of the roster.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("roster", "The shifts of people on dates, in place of their regular ones");
    routes.get("/api/roster", "roster.list", list, "List the roster, filtered, earliest date first");
    routes.put(
        "/api/roster",
        "roster.change",
        change,
        "Set the shifts of people on dates, all or none; `null` removes an entry",
    );
}

inspection_domain::shows!(RosterEntryView { entry }, RosterOutcome {});

/// The shift of a person on a date.
#[derive(Debug, Serialize, ToSchema)]
struct RosterEntryView {
    #[serde(flatten)]
    entry: RosterEntry,
    /// The person.
    user: Option<UserSummary>,
}

impl View<RosterEntry> for RosterEntryView {
    fn references(entry: &RosterEntry, references: &mut References) {
        references.people([Some(entry.user_id)]);
    }

    fn new(entry: RosterEntry, related: &Related, _: &Caller) -> Self {
        Self { user: related.person(entry.user_id), entry }
    }
}

/// Numbers of entries that a change of the roster has set and removed.
#[derive(Debug, Serialize, ToSchema)]
struct RosterOutcome {
    /// New entries.
    created: usize,
    /// Changed entries.
    changed: usize,
    /// Removed entries.
    removed: usize,
    /// Entries that were as requested already.
    unchanged: usize,
}

impl From<RosterPlan> for RosterOutcome {
    fn from(plan: RosterPlan) -> Self {
        Self {
            created: plan.created.len(),
            changed: plan.changed.len(),
            removed: plan.removed.len(),
            unchanged: plan.unchanged,
        }
    }
}

async fn list(
    app: App,
    permit: Permit<PlanRoster>,
    query: ListQuery<RosterFilter>,
) -> Result<Paged<RosterEntryView>, Problem> {
    list_views(app, permit, query, |conn, _, filter, page| roster::list(conn, &filter, page)).await
}

async fn change(
    app: App,
    permit: Permit<PlanRoster>,
    body: Body<RosterChange>,
) -> Result<Rendered<Reply<RosterOutcome>>, Problem> {
    app.write(permit, body, |tx, _, change| {
        Ok(Reply::with(roster::change(tx, change)?.into(), "roster changed"))
    })
    .await
}
