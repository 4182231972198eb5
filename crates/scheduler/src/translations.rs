//! Translating the texts that people have written, in the background (rule book §13).

use std::{
    collections::{BTreeMap, HashMap},
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use inspection_domain::{outbox::OutboxJob, text::Language, translations::TranslationRequest};
use inspection_persistence::{Context, Database, Origin, Result as Stored, Tx, outbox, translations};

use crate::{
    blocking,
    outbox::{Batch, Handler},
    translator::{TranslateError, Translator},
};

/// Does the jobs that want a text translated.
pub struct Translations {
    database: Database,
    context: Context,
    translator: Arc<dyn Translator>,
    /// Until when nothing is asked, because the translator has said so: milliseconds of the clock.
    quiet_until: AtomicI64,
}

impl std::fmt::Debug for Translations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Translations").finish_non_exhaustive()
    }
}

/// How long a batch may take, so that its lease isn't out before.
const LONGEST: Duration = Duration::from_secs(90);

/// A job with what it wants.
type Asked = (OutboxJob, TranslationRequest);

/// Why a job has come to nothing.
struct Failure {
    job: OutboxJob,
    error: TranslateError,
}

impl Translations {
    /// Translates by this translator.
    pub fn new(database: Database, context: Context, translator: Arc<dyn Translator>) -> Self {
        Self { database, context, translator, quiet_until: AtomicI64::new(i64::MIN) }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> Stored<T> + Send + 'static,
    ) -> Option<T> {
        let (database, context) = (self.database.clone(), self.context.clone());
        let outcome = blocking(move || database.write(&context, Origin::default(), work)).await?;
        // The jobs are done again when their lease is out.
        outcome
            .inspect_err(|error| tracing::warn!(%error, "what became of translations can't be written"))
            .ok()
    }

    /// Translates texts of one language, together; if the answer is of no use, one by one, so that one text doesn't spoil the
    /// others.
    async fn ask(
        &self,
        texts: Vec<String>,
        into: Language,
    ) -> HashMap<String, Result<String, TranslateError>> {
        let whole =
            self.translator.translate(&texts, into).await.and_then(|answers| checked(&texts, answers));
        match whole {
            Ok(answers) => texts.into_iter().zip(answers.into_iter().map(Ok)).collect(),
            Err(TranslateError::Wrong(_) | TranslateError::Refused(_)) if texts.len() > 1 => {
                let mut each = HashMap::new();
                for text in texts {
                    let one = std::slice::from_ref(&text);
                    let answer = self.translator.translate(one, into).await;
                    let answer = answer.and_then(|answers| checked(one, answers));
                    let is_over =
                        matches!(answer, Err(TranslateError::Busy(_) | TranslateError::Unavailable(_)));
                    let answer = answer.map(|answers| answers.into_iter().next().unwrap_or_default());
                    each.insert(text, answer);
                    if is_over {
                        break;
                    }
                }
                each
            }
            Err(error) => texts.into_iter().map(|text| (text, Err(error.clone()))).collect(),
        }
    }

    /// The texts of a batch, those made before from what is kept.
    async fn translate(
        &self,
        asked: Vec<Asked>,
        known: HashMap<String, String>,
    ) -> (Vec<(OutboxJob, TranslationRequest, String)>, Vec<Failure>) {
        let mut wanted: BTreeMap<Language, Vec<String>> = BTreeMap::new();
        for (_, one) in asked.iter().filter(|(_, one)| !known.contains_key(&one.text)) {
            let texts = wanted.entry(one.language()).or_default();
            if !texts.contains(&one.text) {
                texts.push(one.text.clone());
            }
        }
        let mut answers: HashMap<String, Result<String, TranslateError>> =
            known.into_iter().map(|(text, translation)| (text, Ok(translation))).collect();
        for (language, texts) in wanted {
            answers.extend(self.ask(texts, language).await);
        }
        let (mut made, mut failed) = (Vec::new(), Vec::new());
        for (job, one) in asked {
            match answers.get(&one.text) {
                Some(Ok(text)) => made.push((job, one, text.clone())),
                Some(Err(error)) => failed.push(Failure { job, error: error.clone() }),
                None => failed.push(Failure { job, error: TranslateError::Busy(None) }),
            }
        }
        (made, failed)
    }
}

/// Translations that can be shown; it may have made anything up.
fn checked(texts: &[String], answers: Vec<String>) -> Result<Vec<String>, TranslateError> {
    let wrong = |what: &str| Err(TranslateError::Wrong(what.to_owned()));
    if answers.len() != texts.len() {
        return wrong("not one for each text");
    }
    let mut sound = Vec::with_capacity(answers.len());
    for (text, answer) in texts.iter().zip(answers) {
        let answer = answer.trim();
        if answer.is_empty() {
            return wrong("an empty text");
        }
        if answer.chars().count() > 10 * text.chars().count() + 200 {
            return wrong("a text that is much too long");
        }
        if answer.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return wrong("control characters");
        }
        sound.push(answer.to_owned());
    }
    Ok(sound)
}

#[async_trait]
impl Handler for Translations {
    async fn handle(&self, batch: Batch) {
        let (mut asked, mut unreadable) = (Vec::new(), Vec::new());
        for job in batch {
            match TranslationRequest::of_payload(&job.payload) {
                Some(wanted) => asked.push((job, wanted)),
                None => unreadable.push(job),
            }
        }
        if !unreadable.is_empty() {
            self.write(move |tx| outbox::fail(tx, &unreadable, "the job can't be read", None)).await;
        }
        let texts: Vec<TranslationRequest> = asked.iter().map(|(_, wanted)| wanted.clone()).collect();
        let Some(known) = self.write(move |tx| translations::known(tx.conn(), &texts)).await else { return };
        let jobs: Vec<OutboxJob> = asked.iter().map(|(job, _)| job.clone()).collect();
        let outcome = tokio::time::timeout(LONGEST, self.translate(asked, known)).await;
        let (made, failed) = outcome.unwrap_or_else(|_| {
            let late = |job| Failure { job, error: TranslateError::Unavailable("it takes too long".into()) };
            (Vec::new(), jobs.into_iter().map(late).collect())
        });
        if !made.is_empty() {
            self.write(move |tx| translations::keep(tx, &made)).await;
        }
        let busy = failed.iter().filter_map(|failure| match failure.error {
            TranslateError::Busy(wait) => Some(wait.unwrap_or(Duration::from_secs(5))),
            _ => None,
        });
        if let Some(wait) = busy.max() {
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            self.quiet_until
                .store(self.context.clock.now().as_millisecond().saturating_add(wait), Ordering::SeqCst);
        }
        if !failed.is_empty() {
            self.write(move |tx| {
                for Failure { job, error } in failed {
                    let wait = match &error {
                        TranslateError::Busy(Some(wait)) => i64::try_from(wait.as_secs()).ok(),
                        _ => None,
                    };
                    outbox::fail(tx, &[job], &error.to_string(), wait)?;
                }
                Ok(())
            })
            .await;
        }
    }

    fn pause(&self) -> Option<Duration> {
        let left =
            self.quiet_until.load(Ordering::SeqCst).saturating_sub(self.context.clock.now().as_millisecond());
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis)
    }
}
