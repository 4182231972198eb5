//! Access to jobs: of readers, of owners, and of admins and engineers for owners (rule book §7).

use super::*;

#[test]
fn a_job_in_progress_is_started_again_without_a_change() {
    assert_eq!(begun().start(later()), Ok(begun()));
    let refused = paused().start(later());
    let status = JobStatus::Paused;
    assert_eq!(refused, Err(JobRule::WrongStatus { command: JobCommand::Start, status }));
}

#[test]
fn the_grid_of_acting_on_a_job_for_its_owner() {
    let reason = || OnBehalfReason::new("The owner is ill.").ok();
    for &kind in JobKind::ALL {
        let subject = Job { kind, ..job(JobStatus::InProgress) };
        for &role in Role::ALL {
            let owner = User { id: subject.owner_id, ..user(role) };
            assert!(subject.may_be_acted_on_by(&owner).is_ok());
            assert_eq!(subject.on_behalf(&owner, None), Ok(None));
            assert_eq!(subject.on_behalf(&owner, reason()), Ok(None), "the owner acts for no other user");
            assert!(subject.may_be_corrected_by(&owner).is_err());
            let other = User { id: id(90), ..user(role) };
            let may = matches!(role, Role::Admin | Role::Engineer);
            assert_eq!(subject.may_be_acted_on_by(&other).is_ok(), may, "{kind} {role}");
            let missing = subject.on_behalf(&other, None).expect_err("no reason");
            assert_eq!(missing.fields()[0].field, "on_behalf_reason");
            assert_eq!(subject.on_behalf(&other, reason()), Ok(Some("The owner is ill.".into())));
            assert!(subject.may_be_corrected_by(&other).is_ok());
        }
    }
}

#[test]
fn a_job_is_visible_to_planners_and_worked_on_by_its_owner() {
    for &kind in JobKind::ALL {
        let subject = Job { kind, ..job(JobStatus::Assigned) };
        for &role in Role::ALL {
            let other = User { id: id(90), ..user(role) };
            let sees = match kind {
                JobKind::Specialist => matches!(role, Role::Admin | Role::Engineer | Role::QualityEngineer),
                JobKind::Engineer => matches!(role, Role::Admin | Role::QualityEngineer),
            };
            assert_eq!(subject.may_be_seen_by(&other).is_ok(), sees, "{kind} {role}");
            let both = User { minor_role: Some(role), ..User { id: id(90), ..user(Role::Inspector) } };
            let sees = sees && role != Role::Admin;
            assert_eq!(subject.may_be_seen_by(&both).is_ok(), sees, "{kind} {role}");
            assert!(subject.may_be_worked_on_by(&other).is_err());
            assert_eq!(
                subject.may_be_resumed_by(&other).is_ok(),
                matches!(role, Role::Admin | Role::Engineer)
            );
            let owner = User { id: subject.owner_id, ..user(role) };
            assert!(subject.may_be_seen_by(&owner).is_ok() && subject.may_be_worked_on_by(&owner).is_ok());
            assert!(subject.may_be_resumed_by(&owner).is_ok());
        }
    }
}
