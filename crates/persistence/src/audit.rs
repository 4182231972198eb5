//! The audit trail, which is append-only.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditEntry, AuditFilter},
    page::{Page, PageRequest},
    schema::audit_entries,
    time::SiteTimeZone,
};

use crate::{DbConnection, Result};

/// A page of the audit trail, newest first.
pub fn list(
    conn: &mut DbConnection,
    filter: &AuditFilter,
    calendar: &SiteTimeZone,
    page: PageRequest,
) -> Result<Page<AuditEntry>> {
    paged!(
        conn,
        page,
        AuditEntry,
        || {
            let mut query = audit_entries::table.into_boxed::<Backend>();
            filter_by!(query, {
                audit_entries::actor_id => filter.user_id,
                audit_entries::entity_type => filter.entity_type.as_deref(),
                audit_entries::entity_id => filter.entity_id,
            });
            filter_any!(query, { audit_entries::action => filter.action });
            if let Some(from) = filter.date_from {
                query = query.filter(audit_entries::at.ge(calendar.start_of(from)));
            }
            if let Some(to) = filter.date_to {
                query = query.filter(audit_entries::at.lt(calendar.start_of(to.plus_days(1))));
            }
            query
        },
        audit_entries by desc [id]
    )
}
