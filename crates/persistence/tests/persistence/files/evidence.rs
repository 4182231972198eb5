//! Which files prove which record: one of every relation and of both kinds, for each reference to
//! files.

use diesel::{ExpressionMethods, QueryDsl, RunQueryDsl};
use inspection_domain::{
    defects::Defect,
    equipment::Equipment,
    files::FileKind,
    ids::FileId,
    inspections::Inspection,
    jobs::Job,
    quality_reviews::QualityReview,
    rule::{Code, NotFound},
    schema::files,
    users::{Role, User},
};
use inspection_persistence::{Context, Database, Error, Result, Tx, inspections, jobs, quality_reviews};
use inspection_testkit::{
    builders::{
        CRITICAL, PASS_FAIL, act, checklist, draft, equipment, file_of, finished, generated, input, repair,
        review, routine, submitted, user,
    },
    context::context,
    on_both_databases,
};
use serde_json::{Value, json};

/// A repaired defect of a machine, with its records.
struct Repaired {
    machine: Equipment,
    inspection: Inspection,
    draft: Inspection,
    defect: Defect,
    job: Job,
    review: QualityReview,
}

impl Repaired {
    /// The upload fields of a file of each record.
    fn relations(&self) -> [(&'static str, Value); 7] {
        let related = |kind: &str, id: i64| json!({"related_type": kind, "related_id": id});
        [
            ("machine", related("equipment", self.machine.id.get())),
            ("inspection", related("inspection", self.inspection.id.get())),
            ("draft", related("inspection", self.draft.id.get())),
            ("defect", related("defect", self.defect.id.get())),
            ("job", related("job", self.job.id.get())),
            ("cleaning", related("cleaning", self.job.id.get())),
            ("review", related("quality_review", self.review.id.get())),
        ]
    }
}

/// Whether the unit of work accepts its files. It is rolled back.
fn accepts<T>(
    db: &Database,
    context: &Context,
    actor: &User,
    work: impl FnOnce(&mut Tx<'_>) -> Result<T>,
) -> bool {
    let mut accepted = false;
    let rolled_back = act(db, context, actor, |tx| {
        match work(tx) {
            Ok(_) => accepted = true,
            Err(Error::Rule(rule)) => assert_eq!(rule.code(), Code::ValidationError, "{rule}"),
            Err(other) => panic!("{other}"),
        }
        Err::<(), Error>(NotFound("reason to commit").into())
    });
    assert!(rolled_back.is_err());
    accepted
}

on_both_databases! {
    fn a_file_proves_the_record_that_it_belongs_to(db: TestDatabase) {
        let (context, _) = context();
        let [admin, inspector, specialist, qe] =
            [Role::Admin, Role::Inspector, Role::Specialist, Role::QualityEngineer].map(|role| user(&db, &context, role));
        let (_, items) = checklist(&db, &context, &admin);
        let [work, other] = [(); 2].map(|()| {
            let machine = equipment(&db, &context);
            let (inspection, mut found) = submitted(&db, &context, &inspector, &machine, &[PASS_FAIL]);
            let defect = found.remove(0);
            let job = finished(&db, &context, &specialist, &repair(&db, &context, &admin, defect.id, &specialist));
            let (review, _) = review(&db, &admin, &job);
            let draft = draft(&db, &context, &inspector, &machine).inspection;
            Repaired { machine, inspection, draft, defect, job, review }
        });
        // A file that its user may use in any case: the user has uploaded it.
        let uploaded = |kind: FileKind, relation: Value, by: &User| -> FileId {
            let file = file_of(&db, &context, &admin, kind, relation);
            query!(db, |c| diesel::update(files::table.find(file.id)).set(files::uploaded_by_id.eq(by.id)).execute(c));
            file.id
        };
        let proves = |record: &str, kind: FileKind, relation: &Value| -> bool {
            match record {
                "answer" => {
                    let id = uploaded(kind, relation.clone(), &inspector);
                    let body = json!({"checklist_item_id": items[CRITICAL].id, "answer_value": "fail", "photo_file_id": id});
                    accepts(&db, &context, &inspector, |tx| inspections::answer_one(tx, work.draft.id, input(body)))
                }
                "review of the inspection" => {
                    let id = uploaded(kind, relation.clone(), &admin);
                    let body = json!({"notes": "Seen.", "file_ids": [id]});
                    accepts(&db, &context, &admin, |tx| inspections::review(tx, work.inspection.id, input(body)))
                }
                "cleaning" => {
                    let id = uploaded(kind, relation.clone(), &specialist);
                    let body = json!({"notes": "Swept.", "file_ids": [id]});
                    accepts(&db, &context, &specialist, |tx| jobs::clean(tx, work.job.id, input(body)))
                }
                _ => {
                    let id = uploaded(kind, relation.clone(), &qe);
                    let body = json!({"category": "other", "reason": "It still leaks as before.", "file_ids": [id]});
                    accepts(&db, &context, &qe, |tx| quality_reviews::reject(tx, work.review.id, input(body)))
                }
            }
        };
        let template = items[0].template_id;
        routine(&db, &context, &admin, template);
        let assignment = generated(&db, &context, &admin).1.remove(0).id;
        let of_assignment = json!({"related_type": "assignment", "related_id": assignment});
        let mut table = String::new();
        for record in ["answer", "review of the inspection", "cleaning", "rejection"] {
            let alone = [FileKind::Jpeg, FileKind::Pdf].map(|kind| proves(record, kind, &json!({})));
            let fitting = |work: &Repaired| -> Vec<&'static str> {
                let fit = |(what, relation): (_, Value)| proves(record, FileKind::Jpeg, &relation).then_some(what);
                work.relations().into_iter().filter_map(fit).collect()
            };
            assert!(!proves(record, FileKind::Jpeg, &of_assignment), "{record}: of an assignment");
            assert_eq!(fitting(&other), Vec::<&str>::new(), "{record}: of other work");
            table += &format!("{record}: image {}, document {}, of its {}\n", alone[0], alone[1], fitting(&work).join(", "));
        }
        assert_eq!(table, "\
answer: image true, document false, of its machine, draft
review of the inspection: image true, document true, of its machine, inspection
cleaning: image true, document false, of its job, cleaning
rejection: image true, document true, of its machine, defect, job, cleaning, review
");
    }
}
