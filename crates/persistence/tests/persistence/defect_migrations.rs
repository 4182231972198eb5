//! Defects and repairs from before their migrations are carried over.

use diesel::prelude::*;
use inspection_domain::{defects::Defect, jobs::Job, schema, users::Role};
use inspection_persistence::{Database, migrations};
use inspection_testkit::{
    builders::{checklist, defect, equipment, finished, repair, started, user},
    context::context,
    on_both_databases,
};

/// All defects and jobs, by id.
fn rows(db: &Database) -> (Vec<Defect>, Vec<Job>) {
    use schema::{defects, jobs};

    (
        query!(db, |c| defects::table.order(defects::id).select(Defect::as_select()).load(c)),
        query!(db, |c| jobs::table.order(jobs::id).select(Job::as_select()).load(c)),
    )
}

/// Reverts the migrations down to this one, which is included.
fn revert(db: &Database, name: &str) {
    while !migrations::down(db).expect("reverted").ends_with(name) {}
}

on_both_databases! {
    fn defects_from_before_reports_know_the_inspector_and_keep_their_jobs(db: TestDatabase) {
        let (context, _) = context();
        let (admin, specialist) = (user(&db, &context, Role::Admin), user(&db, &context, Role::Specialist));
        let inspectors = [user(&db, &context, Role::Inspector), user(&db, &context, Role::Inspector)];
        checklist(&db, &context, &admin);
        for (n, inspector) in inspectors.iter().enumerate() {
            let found = defect(&db, &context, inspector, &equipment(&db, &context));
            let job = repair(&db, &context, &admin, found.id, &specialist);
            match n {
                0 => started(&db, &context, &specialist, &job),
                _ => finished(&db, &context, &specialist, &job),
            };
        }
        let before = rows(&db);
        revert(&db, "defect_reports");
        migrations::up(&db).expect("migrated");
        assert_eq!(rows(&db), before);
        let finders: Vec<_> = before.0.iter().map(|defect| defect.reported_by_id).collect();
        assert_eq!(finders, inspectors.each_ref().map(|inspector| inspector.id));
        let again = defect(&db, &context, &inspectors[0], &equipment(&db, &context));
        assert!(again.id > before.0[1].id, "numbers go on");
    }
}
