//! Translations: lookup for a whole response, and storage of background results (§13).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use diesel::{prelude::*, sql_types::Bool};
use inspection_domain::{
    outbox::OutboxJob,
    schema::translations,
    text::Language,
    translations::{Translated, Translation, TranslationRequest, content_hash},
};

use crate::{DbConnection, Result, Tx, outbox};

/// Replaces the texts of a response by translations of exactly their content into the reader's
/// language. One statement; none, if all texts are in that language already.
pub fn show(conn: &mut DbConnection, language: Language, shown: &mut impl Translated) -> Result<()> {
    let mut foreign: BTreeMap<&'static str, BTreeSet<i64>> = BTreeMap::new();
    shown.texts(&mut |slot| {
        if Language::of(slot.text) != language {
            foreign.entry(slot.model_type).or_default().insert(slot.model_id);
        }
    });
    if foreign.is_empty() {
        return Ok(());
    }
    let found: Vec<Translation> = with_conn!(conn, |c| {
        let mut any: Box<dyn BoxableExpression<translations::table, Backend, SqlType = Bool>> =
            Box::new(false.into_sql::<Bool>());
        for (model_type, ids) in &foreign {
            let of_model = translations::model_type
                .eq(*model_type)
                .and(translations::model_id.eq_any(ids.iter().copied()));
            any = Box::new(any.or(of_model));
        }
        translations::table
            .filter(translations::language.eq(language))
            .filter(any)
            .select(Translation::as_select())
            .load(c)
    })?;
    let found: HashMap<(&str, i64, &str), &Translation> = found
        .iter()
        .map(|one| ((one.model_type.as_str(), one.model_id, one.field_name.as_str()), one))
        .collect();
    shown.texts(&mut |slot| {
        if let Some(translation) = found.get(&(slot.model_type, slot.model_id, slot.field_name))
            && Language::of(slot.text) != language
            && translation.source_hash == content_hash(slot.text)
        {
            slot.text.clone_from(&translation.text);
        }
    });
    Ok(())
}

/// Restores the original of each text that was changed into its own translation: a client that
/// shows translations sends them back (§13).
pub(crate) fn preserve_originals<T: Translated + Clone>(
    conn: &mut DbConnection,
    before: &T,
    after: &mut T,
) -> Result<()> {
    let mut originals: HashMap<&'static str, String> = HashMap::new();
    before.clone().texts(&mut |slot| {
        originals.insert(slot.field_name, slot.text.clone());
    });
    let mut changed = Vec::new();
    after.texts(&mut |slot| {
        if let Some(original) = originals.get(slot.field_name).filter(|original| *original != slot.text) {
            changed.push((slot.model_type, slot.model_id, slot.field_name, original, slot.text.clone()));
        }
    });
    let mut read_back = Vec::new();
    for (model_type, model_id, field_name, original, new) in changed {
        let same = translations::table
            .filter(translations::model_type.eq(model_type))
            .filter(translations::model_id.eq(model_id))
            .filter(translations::field_name.eq(field_name))
            .filter(translations::source_hash.eq(content_hash(original)))
            .filter(translations::text.eq(new));
        if with_conn!(&mut *conn, |c| diesel::select(diesel::dsl::exists(same)).get_result(c))? {
            read_back.push(field_name);
        }
    }
    after.texts(&mut |slot| {
        if let Some(original) =
            originals.get(slot.field_name).filter(|_| read_back.contains(&slot.field_name))
        {
            slot.text.clone_from(original);
        }
    });
    Ok(())
}

/// Stored translations of these texts, of any object: text to translation.
pub fn find_known(
    conn: &mut DbConnection,
    requests: &[TranslationRequest],
) -> Result<HashMap<String, String>> {
    let hashes: HashMap<String, &TranslationRequest> =
        requests.iter().map(|request| (content_hash(&request.text), request)).collect();
    let found: Vec<(String, Language, String)> = with_conn!(conn, |c| translations::table
        .filter(translations::source_hash.eq_any(hashes.keys()))
        .select((translations::source_hash, translations::language, translations::text))
        .load(c))?;
    Ok(found
        .into_iter()
        .filter_map(|(hash, language, text)| {
            let request = hashes.get(&hash).filter(|request| request.language() == language)?;
            Some((request.text.clone(), text))
        })
        .collect())
}

/// Stores translations in the transaction that completes their jobs. The translation of a later
/// version of a text isn't overwritten.
pub fn store(tx: &mut Tx<'_>, results: &[(OutboxJob, TranslationRequest, String)]) -> Result<()> {
    use diesel::query_dsl::methods::FilterDsl;

    let jobs: Vec<OutboxJob> = results.iter().map(|(job, ..)| job.clone()).collect();
    outbox::complete(tx, &jobs)?;
    // The latest job of a text wins.
    let mut rows: BTreeMap<(&str, i64, &str), Translation> = BTreeMap::new();
    for (job, request, text) in results {
        let key = (request.model_type.as_str(), request.model_id, request.field_name.as_str());
        if rows.get(&key).is_some_and(|row| row.version > job.id.get()) {
            continue;
        }
        let row = Translation {
            model_type: request.model_type.clone(),
            model_id: request.model_id,
            field_name: request.field_name.clone(),
            language: request.language(),
            source_hash: content_hash(&request.text),
            text: text.clone(),
            version: job.id.get(),
            created_at: tx.now,
        };
        rows.insert(key, row);
    }
    for row in rows.into_values() {
        with_conn!(&mut *tx.conn, |c| {
            let upsert = diesel::insert_into(translations::table)
                .values(&row)
                .on_conflict((translations::model_type, translations::model_id, translations::field_name))
                .do_update()
                .set(&row);
            FilterDsl::filter(upsert, translations::version.lt(row.version)).execute(c)
        })?;
    }
    Ok(())
}
