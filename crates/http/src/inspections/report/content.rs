//! The content of a printed record.

use inspection_documents::{
    Block, Cell, Column, Document, Error, Facts, Photo, Table, Text, Tone, isolate, isolate_ltr,
};
use inspection_domain::{
    assessments::{Assessment, ResolvedBy, Verdict},
    checklists::{AnswerType, Item, NOT_APPLICABLE, NumericRule},
    defects::{Defect, Severity},
    ids::{InspectionId, UserId},
    inspections::{Answer, InspectionResult},
    message,
    message::Message,
    time::{Instant, SiteTimeZone},
    users::Category,
};
use inspection_persistence::inspections::{InspectionRecord, RecordedInspection};

use super::photos::{Loaded, NumberedPhoto};
use crate::printing::{Languages, code_of, properties};

/// A record to print.
pub(super) struct Printout {
    pub(super) id: InspectionId,
    pub(super) record: InspectionRecord,
    pub(super) photos: Vec<NumberedPhoto>,
    pub(super) languages: Languages,
    pub(super) calendar: SiteTimeZone,
    pub(super) app_url: Option<String>,
    pub(super) printed_by: String,
    pub(super) now: Instant,
}

impl Printout {
    /// The document. `loaded` are the first of its photos.
    pub(super) fn to_pdf(&self, loaded: Vec<Loaded>) -> Result<Vec<u8>, Error> {
        let title = message!("Inspection record {id}", id = self.id);
        let mut blocks = vec![Block::Title(self.text(title.clone())), Block::Facts(self.machine()?)];
        for (at, recorded) in self.record.inspections.iter().enumerate() {
            blocks.push(Block::Heading(self.text(match recorded.inspection.category {
                None => "Inspection",
                Some(Category::Mechanical) => "Mechanical half",
                Some(Category::Electrical) => "Electrical half",
            })));
            blocks.push(Block::Facts(self.inspection(recorded)));
            blocks.push(Block::Table(self.questions(at, recorded)));
        }
        if !self.record.defects.is_empty() {
            blocks.push(Block::Heading(self.text("Defects")));
            blocks.push(Block::Table(self.defects()));
        }
        if let Some(assessment) = &self.record.assessment {
            blocks.push(Block::Heading(self.text("Verdicts")));
            blocks.push(Block::Table(self.verdicts(assessment)));
            if assessment.decision.is_some() {
                blocks.push(Block::Facts(self.decision(assessment)));
            }
        }
        if !loaded.is_empty() {
            let left_out = self.photos.len().saturating_sub(loaded.len());
            blocks.push(Block::Heading(self.text("Photos")));
            blocks.push(Block::Photos(self.printed_photos(loaded)));
            if left_out > 0 {
                let note = message!("Photos that are not printed: {count}", count = left_out);
                blocks.push(Block::Note(self.text(note)));
            }
        }
        let footer = message!(
            "Printed by {name} on {time}",
            name = isolate(&self.printed_by),
            time = self.time(self.now),
        );
        let document = Document {
            properties: properties(title.english().into_owned(), self.languages, self.now),
            direction: self.languages.direction(),
            footer: self.text(footer),
            numbering: self.text("Page {page} of {pages}"),
            blocks,
        };
        document.to_pdf()
    }

    fn text(&self, text: impl Into<Message>) -> Text {
        self.languages.text(text)
    }

    /// A time at the site, isolated.
    fn time(&self, at: Instant) -> String {
        isolate_ltr(&self.calendar.local_time(at))
    }

    fn name(&self, id: UserId) -> Text {
        let person = self.record.people.get(&id);
        self.languages.user(person.map_or("", |person| person.full_name.as_str()))
    }

    fn machine(&self) -> Result<Facts, Error> {
        let (machine, template, languages) = (&self.record.machine, &self.record.template, self.languages);
        let mut rows = vec![
            (self.text("Machine"), languages.either(&machine.name, machine.name_ar.as_deref())),
            (
                self.text("Type"),
                languages.either(&machine.equipment_type, machine.equipment_type_ar.as_deref()),
            ),
            (self.text("Serial number"), languages.value(&machine.serial_number)),
        ];
        if let Some(location) = &machine.location {
            rows.push((self.text("Location"), languages.either(location, machine.location_ar.as_deref())));
        }
        if let Some(berth) = &machine.berth {
            rows.push((self.text("Berth"), languages.user(berth)));
        }
        rows.push((self.text("Checklist"), languages.either(&template.name, template.name_ar.as_deref())));
        rows.push((self.text("Version"), languages.value(&template.version)));
        Ok(Facts { rows, code: Some(code_of(machine, self.app_url.as_deref())?) })
    }

    fn inspection(&self, recorded: &RecordedInspection) -> Facts {
        let (inspection, languages) = (&recorded.inspection, self.languages);
        let at = |time: Instant| languages.value(&self.calendar.local_time(time));
        let mut rows = vec![
            (self.text("Inspector"), self.name(inspection.technician_id)),
            (self.text("Started"), at(inspection.started_at)),
        ];
        if let Some(submitted) = inspection.submitted_at {
            let minutes = (submitted.as_second() - inspection.started_at.as_second()) / 60;
            let duration = message!("{hours} h {minutes} min", hours = minutes / 60, minutes = minutes % 60);
            rows.push((self.text("Submitted"), at(submitted)));
            rows.push((self.text("Duration"), self.text(duration)));
        }
        if let Some(received) = inspection.received_at {
            let offline = message!("Recorded offline, received on {time}", time = self.time(received));
            rows.push((self.text("Transfer"), self.text(offline)));
        }
        rows.push((self.text("Status"), self.text(inspection.status.as_str().to_owned())));
        if let Some(result) = inspection.result {
            rows.push((
                self.text("Result"),
                self.text(match result {
                    InspectionResult::Pass => "Pass",
                    InspectionResult::Fail => "Fail",
                }),
            ));
        }
        if let (Some(admin), Some(time)) = (inspection.reviewed_by_id, inspection.reviewed_at) {
            rows.push((self.text("Reviewed by"), self.name(admin)));
            rows.push((self.text("Reviewed on"), at(time)));
        }
        if let Some(notes) = &inspection.review_notes {
            rows.push((self.text("Review"), languages.user(notes)));
        }
        if let Some(rating) = &recorded.rating {
            rows.push((self.text("Rating"), languages.value(&format!("{} / 5", rating.rating))));
            rows.push((self.text("Rated by"), self.name(rating.rated_by_id)));
            if let Some(comment) = &rating.comment {
                rows.push((self.text("Remark on the rating"), languages.user(comment)));
            }
        }
        Facts { rows, code: None }
    }

    fn questions(&self, at: usize, recorded: &RecordedInspection) -> Table {
        let columns = [("No.", 0.8), ("Question", 4.2), ("Limits", 1.7), ("Answer", 1.7), ("Remark", 3.0)];
        let row = |(place, item): (usize, &Item)| {
            let answer = recorded.answers.iter().find(|answer| answer.checklist_item_id == item.id);
            let mut question = self.languages.either(&item.question_text, item.question_text_ar.as_deref());
            if item.critical_failure {
                question = question.and(self.text("Critical question"));
            }
            vec![
                self.languages.value(&(place + 1).to_string()).into(),
                question.into(),
                Cell::new(self.limits(item), Tone::Muted),
                self.answer(item, answer),
                self.remark(at, item, answer).into(),
            ]
        };
        Table { columns: self.columns(&columns), rows: recorded.items.iter().enumerate().map(row).collect() }
    }

    fn columns(&self, columns: &[(&'static str, f32)]) -> Vec<Column> {
        columns.iter().map(|(head, width)| Column::new(self.text(*head), *width)).collect()
    }

    fn limits(&self, item: &Item) -> Text {
        let unit = item.unit.as_deref().unwrap_or_default();
        let shown = |rule: NumericRule| match (rule.min, rule.max) {
            (Some(min), Some(max)) => format!("{min} – {max} {unit}"),
            (Some(min), None) => format!("≥ {min} {unit}"),
            (None, Some(max)) => format!("≤ {max} {unit}"),
            (None, None) => String::new(),
        };
        let limits = item.pass_fail_rule.map(shown).unwrap_or_default();
        let limits = self.languages.value(limits.trim());
        match item.warning {
            None => limits,
            Some(warning) => {
                let normal = message!("normal: {limits}", limits = isolate_ltr(shown(warning).trim()));
                limits.and(self.text(normal))
            }
        }
    }

    fn answer(&self, item: &Item, answer: Option<&Answer>) -> Cell {
        let value = answer.map(|answer| answer.answer_value.as_str()).unwrap_or_default();
        let has_photo = answer.is_some_and(|answer| answer.photo_file_id.is_some());
        let text = match (value, item.answer_type) {
            ("", AnswerType::Photo) if has_photo => self.text("Photo"),
            ("", _) => return Cell::new(self.text("No answer"), Tone::Muted),
            (NOT_APPLICABLE, _) => return Cell::new(self.text("Not applicable"), Tone::Muted),
            ("pass", AnswerType::PassFail) => self.text("Pass"),
            ("fail", AnswerType::PassFail) => self.text("Fail"),
            ("yes", AnswerType::YesNo) => self.text("Yes"),
            ("no", AnswerType::YesNo) => self.text("No"),
            (value, AnswerType::Choice) => {
                let choices = item.choices.as_ref().map(|choices| choices.0.as_slice()).unwrap_or_default();
                let choice = choices.iter().find(|choice| choice.value == value);
                self.languages.either(value, choice.and_then(|choice| choice.value_ar.as_deref()))
            }
            (value, AnswerType::Numeric) => {
                let unit = item.unit.as_deref().unwrap_or_default();
                self.languages.value(format!("{value} {unit}").trim())
            }
            (value, AnswerType::Date) => self.languages.value(value),
            (value, _) => self.languages.user(value),
        };
        let tone = if item.fails(value) {
            Tone::Bad
        } else if item.warns(value) {
            Tone::Warning
        } else {
            Tone::Strong
        };
        Cell::new(text, tone)
    }

    /// The remark on an answer, and the numbers of its photos.
    fn remark(&self, at: usize, item: &Item, answer: Option<&Answer>) -> Text {
        let comment = answer.and_then(|answer| answer.comment.as_deref());
        let remark = comment.map(|comment| self.languages.user(comment)).unwrap_or_default();
        let is_its = |photo: &&NumberedPhoto| photo.inspection == at && photo.item == item.id;
        let numbers: Vec<String> =
            self.photos.iter().filter(is_its).map(|photo| photo.number.to_string()).collect();
        if numbers.is_empty() {
            return remark;
        }
        let photos = message!("Photos: {numbers}", numbers = isolate_ltr(&numbers.join(", ")));
        remark.and(self.text(photos))
    }

    fn defects(&self) -> Table {
        let columns = [("Number", 1.0), ("Severity", 1.5), ("Description", 6.0), ("Status", 1.6)];
        let row = |defect: &Defect| {
            let (severity, tone) = match defect.severity {
                Severity::Low => ("Low", Tone::Plain),
                Severity::Medium => ("Medium", Tone::Strong),
                Severity::High => ("High", Tone::Warning),
                Severity::Critical => ("Critical", Tone::Bad),
            };
            vec![
                self.languages.value(&defect.id.to_string()).into(),
                Cell::new(self.text(severity), tone),
                self.languages.either(&defect.description, defect.description_ar.as_deref()).into(),
                self.text(defect.status.as_str().to_owned()).into(),
            ]
        };
        Table { columns: self.columns(&columns), rows: self.record.defects.iter().map(row).collect() }
    }

    fn verdict(&self, verdict: Option<Verdict>) -> Cell {
        match verdict {
            None => Cell::new(self.text("No verdict yet"), Tone::Muted),
            Some(Verdict::Operational) => Cell::new(self.text("Operational"), Tone::Good),
            Some(Verdict::Urgent) => Cell::new(self.text("Urgent"), Tone::Bad),
        }
    }

    fn verdicts(&self, assessment: &Assessment) -> Table {
        let columns = [("Trade", 1.6), ("Inspector", 2.4), ("Verdict", 1.8), ("Time", 2.0), ("Reason", 4.0)];
        let row = |trade: &'static str, inspector, verdict, at: Option<Instant>, reason: Option<&str>| {
            let time = at.map(|at| self.languages.value(&self.calendar.local_time(at))).unwrap_or_default();
            let reason = reason.map(|reason| self.languages.user(reason)).unwrap_or_default();
            let name = self.name(inspector);
            vec![self.text(trade).into(), name.into(), self.verdict(verdict), time.into(), reason.into()]
        };
        let mechanical = row(
            "mechanical",
            assessment.mechanical_inspector_id,
            assessment.mechanical_verdict,
            assessment.mechanical_verdict_at,
            assessment.mechanical_reason.as_deref(),
        );
        let electrical = row(
            "electrical",
            assessment.electrical_inspector_id,
            assessment.electrical_verdict,
            assessment.electrical_verdict_at,
            assessment.electrical_reason.as_deref(),
        );
        Table { columns: self.columns(&columns), rows: vec![mechanical, electrical] }
    }

    fn decision(&self, assessment: &Assessment) -> Facts {
        let mut rows = vec![(self.text("Decision"), self.verdict(assessment.decision).text)];
        if let Some(ground) = assessment.resolved_by {
            rows.push((
                self.text("Ground"),
                self.text(match ground {
                    ResolvedBy::Agreement => "Both verdicts agree",
                    ResolvedBy::SafetyRule => "One verdict is urgent",
                    ResolvedBy::Admin => "Decision of an administrator",
                }),
            ));
        }
        if let Some(admin) = assessment.decided_by_id {
            rows.push((self.text("Decided by"), self.name(admin)));
        }
        if let Some(at) = assessment.resolved_at {
            rows.push((self.text("Decided on"), self.languages.value(&self.calendar.local_time(at))));
        }
        if let Some(notes) = &assessment.admin_notes {
            rows.push((self.text("Notes"), self.languages.user(notes)));
        }
        Facts { rows, code: None }
    }

    fn printed_photos(&self, loaded: Vec<Loaded>) -> Vec<Photo> {
        let printed = |(photo, loaded): (&NumberedPhoto, Loaded)| {
            let file = &photo.file;
            let uploader = self.record.people.get(&file.uploaded_by_id);
            let caption = message!(
                "Photo {number}: {time}, {name}, {checksum}",
                number = photo.number,
                time = self.time(file.created_at),
                name = isolate(uploader.map_or("", |person| person.full_name.as_str())),
                checksum = isolate_ltr(&file.sha256.chars().take(16).collect::<String>()),
            );
            let (bytes, missing) = match loaded {
                Ok(bytes) => (Some(bytes), "The photo is not readable."),
                Err(reason) => (None, reason),
            };
            Photo { bytes, caption: self.text(caption), missing: self.text(missing) }
        };
        self.photos.iter().zip(loaded).map(printed).collect()
    }
}
