//! Invariants of the stored data, for admins.

use std::collections::BTreeMap;

use inspection_auth::permissions::OperateService;
use inspection_domain::{
    invariants::{Invariant, InvariantResult},
    text::Language,
    time::Instant,
};
use inspection_persistence::invariants;
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    permit::Permit,
    problem::Problem,
    reply::{Complete, Reply},
    routes::Routes,
};

/// Endpoint of the invariants.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("invariants", "Invariants of the stored data");
    routes.get(
        "/api/admin/invariants",
        "invariants.list",
        list,
        "List the invariants of the stored data with the results of the latest check",
    );
}

inspection_domain::shows!(InvariantView {});

/// An invariant, with the result of its latest check.
#[derive(Debug, Serialize, ToSchema)]
struct InvariantView {
    /// Name.
    name: Invariant,
    /// Section of the rule book.
    section: u8,
    /// Weight of a violation: `critical` or `warning`.
    severity: &'static str,
    /// The sentence that must be true, in the reader's language.
    sentence: String,
    /// Time of the latest check; none if there was none.
    checked_at: Option<Instant>,
    /// Number of violations; none without a check, or if its time ran out before.
    violations: Option<i64>,
    /// Ids of the first objects that violate it, at most 20.
    ids: Vec<i64>,
    /// Duration of the check, in milliseconds.
    took_ms: Option<i64>,
}

impl InvariantView {
    fn new(invariant: Invariant, result: Option<InvariantResult>, language: Language) -> Self {
        let sentence = invariant.sentence();
        let text = match language {
            Language::En => sentence.english(),
            Language::Ar => sentence.arabic(),
        };
        Self {
            name: invariant,
            section: invariant.section(),
            severity: invariant.severity().as_str(),
            sentence: text.into_owned(),
            checked_at: result.as_ref().map(|result| result.checked_at),
            violations: result.as_ref().and_then(|result| result.violations),
            took_ms: result.as_ref().map(|result| result.took_ms),
            ids: result.map(|result| result.ids.0).unwrap_or_default(),
        }
    }
}

async fn list(app: App, permit: Permit<OperateService>) -> Result<Reply<Complete<InvariantView>>, Problem> {
    let found = app.read(permit, (), |conn, caller, ()| {
        let latest = invariants::latest(conn)?;
        let mut by_name: BTreeMap<Invariant, InvariantResult> =
            latest.into_iter().map(|result| (result.name, result)).collect();
        let view = |invariant: &Invariant| {
            InvariantView::new(*invariant, by_name.remove(invariant), caller.language)
        };
        Ok(Invariant::ALL.iter().map(view).collect::<Vec<_>>())
    });
    Ok(Reply::new(Complete(found.await?)))
}
