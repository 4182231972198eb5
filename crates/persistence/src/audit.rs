//! The audit trail: only inserted into and read.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditEntry, AuditFilter},
    page::{Page, PageRequest},
    schema::audit_entries,
    time::SiteTimeZone,
};

use crate::{DbConnection, Result};

/// A page of the trail, newest first.
pub fn list(
    conn: &mut DbConnection,
    filter: &AuditFilter,
    calendar: &SiteTimeZone,
    page: PageRequest,
) -> Result<Page<AuditEntry>> {
    let (items, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = audit_entries::table.into_boxed::<Backend>();
            filter_by!(query, {
                audit_entries::actor_id => filter.user_id,
                audit_entries::action => filter.action,
                audit_entries::entity_type => filter.entity_type.as_deref(),
                audit_entries::entity_id => filter.entity_id,
            });
            if let Some(from) = filter.date_from {
                query = query.filter(audit_entries::at.ge(calendar.start_of(from)));
            }
            if let Some(to) = filter.date_to {
                query = query.filter(audit_entries::at.lt(calendar.start_of(to.plus_days(1))));
            }
            query
        };
        let items = filtered()
            .select(AuditEntry::as_select())
            .order(audit_entries::id.desc())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        (items, filtered().count().get_result(c)?)
    });
    Ok(Page { items, total, request: page })
}
