//! Background translation of user-written texts (rule §13).

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
use inspection_persistence::{Context, Database, Origin, Tx, outbox, translations};

use crate::{
    blocking::blocking,
    outbox::{Batch, Handler},
    translator::{TranslateError, Translator},
};

/// Handler of translation jobs.
pub struct Translations {
    database: Database,
    context: Context,
    translator: Arc<dyn Translator>,
    /// End of the delay that the translator has requested, in milliseconds since 1970.
    paused_until: AtomicI64,
}

impl std::fmt::Debug for Translations {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Translations").finish_non_exhaustive()
    }
}

/// Timeout of a batch; shorter than the lease of its jobs.
const BATCH_TIMEOUT: Duration = Duration::from_secs(90);

/// Delay after a busy response without `Retry-After`.
const BUSY_DELAY: Duration = Duration::from_secs(5);

/// A job with its parsed payload.
type RequestedJob = (OutboxJob, TranslationRequest);

/// A job with its translated text.
type TranslatedJob = (OutboxJob, TranslationRequest, String);

/// A job without a translation.
struct FailedJob {
    job: OutboxJob,
    error: TranslateError,
}

impl Translations {
    /// Creates the handler with its translator.
    pub fn new(database: Database, context: Context, translator: Arc<dyn Translator>) -> Self {
        Self { database, context, translator, paused_until: AtomicI64::new(i64::MIN) }
    }

    async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Tx<'_>) -> inspection_persistence::Result<T> + Send + 'static,
    ) -> Option<T> {
        let (database, context) = (self.database.clone(), self.context.clone());
        let outcome = blocking(move || database.write(&context, Origin::default(), work)).await?;
        // On an error the jobs are claimed again when their lease expires.
        outcome.inspect_err(|error| tracing::warn!(%error, "failed to record translations")).ok()
    }

    /// Translates texts into one language with a single request.
    ///
    /// If the response is unusable, sends the texts one by one, so that one text does not affect
    /// the others.
    async fn translate_texts(
        &self,
        texts: Vec<String>,
        into: Language,
    ) -> HashMap<String, Result<String, TranslateError>> {
        let together = self.translator.translate(&texts, into).await;
        match together.and_then(|translations| validated(&texts, translations)) {
            Ok(translations) => texts.into_iter().zip(translations.into_iter().map(Ok)).collect(),
            Err(TranslateError::Wrong(_) | TranslateError::Refused(_)) if texts.len() > 1 => {
                let mut each = HashMap::new();
                for text in texts {
                    let one = std::slice::from_ref(&text);
                    let translated = self.translator.translate(one, into).await;
                    let translated = translated.and_then(|translations| validated(one, translations));
                    let is_down =
                        matches!(translated, Err(TranslateError::Busy(_) | TranslateError::Unavailable(_)));
                    let translated = translated.map(|texts| texts.into_iter().next().unwrap_or_default());
                    each.insert(text, translated);
                    if is_down {
                        break;
                    }
                }
                each
            }
            Err(error) => texts.into_iter().map(|text| (text, Err(error.clone()))).collect(),
        }
    }

    /// Translates a batch. `known` has the translations that are stored already.
    async fn translate(
        &self,
        jobs: Vec<RequestedJob>,
        known: HashMap<String, String>,
    ) -> (Vec<TranslatedJob>, Vec<FailedJob>) {
        let mut untranslated: BTreeMap<Language, Vec<String>> = BTreeMap::new();
        for (_, request) in jobs.iter().filter(|(_, request)| !known.contains_key(&request.text)) {
            let texts = untranslated.entry(request.language()).or_default();
            if !texts.contains(&request.text) {
                texts.push(request.text.clone());
            }
        }
        let mut results: HashMap<String, Result<String, TranslateError>> =
            known.into_iter().map(|(text, translation)| (text, Ok(translation))).collect();
        for (language, texts) in untranslated {
            results.extend(self.translate_texts(texts, language).await);
        }
        let (mut translated, mut failed) = (Vec::new(), Vec::new());
        for (job, request) in jobs {
            match results.get(&request.text) {
                Some(Ok(text)) => translated.push((job, request, text.clone())),
                Some(Err(error)) => failed.push(FailedJob { job, error: error.clone() }),
                None => failed.push(FailedJob { job, error: TranslateError::Busy(None) }),
            }
        }
        (translated, failed)
    }
}

/// Validates translations from the service, whose output is untrusted.
fn validated(texts: &[String], translations: Vec<String>) -> Result<Vec<String>, TranslateError> {
    let wrong = |reason: &str| Err(TranslateError::Wrong(reason.to_owned()));
    if translations.len() != texts.len() {
        return wrong("not one translation for each text");
    }
    let mut valid = Vec::with_capacity(translations.len());
    for (text, translation) in texts.iter().zip(translations) {
        let translation = translation.trim();
        if translation.is_empty() {
            return wrong("an empty translation");
        }
        if translation.chars().count() > 10 * text.chars().count() + 200 {
            return wrong("a translation that is far too long");
        }
        if translation.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
            return wrong("control characters");
        }
        valid.push(translation.to_owned());
    }
    Ok(valid)
}

#[async_trait]
impl Handler for Translations {
    async fn handle(&self, batch: Batch) {
        let (mut requested, mut unreadable) = (Vec::new(), Vec::new());
        for job in batch {
            match TranslationRequest::of_payload(&job.payload) {
                Some(request) => requested.push((job, request)),
                None => unreadable.push(job),
            }
        }
        if !unreadable.is_empty() {
            self.write(move |tx| outbox::fail(tx, &unreadable, "the job can't be read", None)).await;
        }
        let requests: Vec<TranslationRequest> =
            requested.iter().map(|(_, request)| request.clone()).collect();
        let known = self.write(move |tx| translations::find_known(tx.conn(), &requests)).await;
        let Some(known) = known else { return };
        let jobs: Vec<OutboxJob> = requested.iter().map(|(job, _)| job.clone()).collect();
        let outcome = tokio::time::timeout(BATCH_TIMEOUT, self.translate(requested, known)).await;
        let (translated, failed) = outcome.unwrap_or_else(|_| {
            let late =
                |job| FailedJob { job, error: TranslateError::Unavailable("it takes too long".into()) };
            (Vec::new(), jobs.into_iter().map(late).collect())
        });
        if !translated.is_empty() {
            self.write(move |tx| translations::store(tx, &translated)).await;
        }
        let busy = failed.iter().filter_map(|failure| match failure.error {
            TranslateError::Busy(wait) => Some(wait.unwrap_or(BUSY_DELAY)),
            _ => None,
        });
        if let Some(wait) = busy.max() {
            let wait = i64::try_from(wait.as_millis()).unwrap_or(i64::MAX);
            self.paused_until
                .store(self.context.clock.now().as_millisecond().saturating_add(wait), Ordering::SeqCst);
        }
        if !failed.is_empty() {
            self.write(move |tx| {
                for FailedJob { job, error } in failed {
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
        let left = self
            .paused_until
            .load(Ordering::SeqCst)
            .saturating_sub(self.context.clock.now().as_millisecond());
        u64::try_from(left).ok().filter(|left| *left > 0).map(Duration::from_millis)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_translation_is_refused_with_a_reason() {
        let of = |translations: &[&str]| {
            let translations = translations.iter().map(|text| (*text).to_owned()).collect();
            validated(&["Quay three".to_owned()], translations).map_err(|error| error.to_string())
        };
        let longest = "x".repeat(10 * 10 + 200);
        assert_eq!(of(&[" At the\nquay\t"]), Ok(vec!["At the\nquay".to_owned()]));
        assert_eq!(of(&[&longest]), Ok(vec![longest.clone()]));
        for (unusable, reason) in [
            (&[][..], "not one translation for each text"),
            (&["one", "two"], "not one translation for each text"),
            (&[" \n "], "an empty translation"),
            (&[&format!("{longest}x")], "a translation that is far too long"),
            (&["a bell \u{7}"], "control characters"),
        ] {
            let refused = of(unusable).expect_err("unusable");
            assert!(refused.contains(reason), "{unusable:?}: {refused}");
        }
    }
}
