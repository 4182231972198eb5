//! Rows of `defect_assessments`: lookup and insert. An assessment is final.

use diesel::prelude::*;
use inspection_domain::{
    audit::AuditAction, defect_assessments::DefectAssessment, ids::DefectId,
    schema::defect_assessments as assessments,
};

use crate::db::{connection::DbConnection, error::Result, tx::Tx};

/// The assessment of a defect, if there is one.
pub fn find_by_defect(conn: &mut DbConnection, id: DefectId) -> Result<Option<DefectAssessment>> {
    let of_defect = assessments::table.filter(assessments::defect_id.eq(id));
    Ok(with_conn!(conn, |c| of_defect.select(DefectAssessment::as_select()).first(c)).optional()?)
}

/// Inserts and records an assessment.
pub(crate) fn insert(tx: &mut Tx<'_>, new: &DefectAssessment) -> Result<DefectAssessment> {
    let assessment = insert_row!(tx, assessments, DefectAssessment, new)?;
    tx.record(AuditAction::Create, None, Some(&assessment));
    Ok(assessment)
}
