//! Keys of rows from before them, or from a program without them. No database folds a text as the
//! domain does, so the program writes the keys.

use std::{collections::BTreeMap, fmt};

use diesel::prelude::*;
use inspection_domain::{
    key::Key,
    rule::{Code, Rule},
    schema::{
        checklist_templates, equipment, inspection_assignments, routine_asset_types as asset_types, users,
    },
};

use crate::{DbConnection, Error, Result};

/// Whether a database with these migrations has objects with identifiers, and no keys yet.
pub(crate) fn are_new<'a>(applied: impl Iterator<Item = &'a str> + Clone) -> bool {
    let is_applied = |end: &str| applied.clone().any(|name| name.ends_with(end));
    is_applied("_routines") && !is_applied("_keys")
}

/// Identifiers of several objects that are the same by their keys.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Clash {
    /// Name of the identifier.
    field: &'static str,
    /// Ids and values of the objects.
    objects: Vec<(i64, String)>,
}

impl fmt::Display for Clash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.field)?;
        for (n, (id, value)) in self.objects.iter().enumerate() {
            write!(f, "{} id {id} \"{}\"", if n == 0 { "" } else { "," }, value.escape_debug())?;
        }
        Ok(())
    }
}

/// Identifiers that have to differ before they can be unique by their keys.
#[derive(Debug)]
pub(crate) struct Clashes(Vec<Clash>);

impl fmt::Display for Clashes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "nothing was changed: these identifiers differ only in case, dashes, digits or invisible \
             characters; rename or merge them with the installed version, then migrate again",
        )?;
        self.0.iter().try_for_each(|clash| write!(f, "\n  {clash}"))
    }
}

impl std::error::Error for Clashes {}

impl Rule for Clashes {
    fn code(&self) -> Code {
        Code::Duplicate
    }
}

/// The groups of more than one object with the same key.
fn clashes<K: Ord>(
    field: &'static str,
    objects: impl IntoIterator<Item = (i64, String)>,
    key: impl Fn(i64, &str) -> K,
) -> Vec<Clash> {
    let mut groups: BTreeMap<K, Vec<(i64, String)>> = BTreeMap::new();
    for (id, value) in objects {
        groups.entry(key(id, &value)).or_default().push((id, value));
    }
    let several = groups.into_values().filter(|objects| objects.len() > 1);
    several.map(|objects| Clash { field, objects }).collect()
}

/// Checks that all identifiers are unique by their keys. Reads no column of the keys.
pub(crate) fn refuse_clashes(conn: &mut DbConnection) -> Result<()> {
    let (addresses, serials, checklists, types) = with_conn!(conn, |c| {
        let addresses: Vec<(i64, String)> =
            users::table.order(users::id).select((users::id, users::email)).load(c)?;
        let serials: Vec<(i64, String)> = equipment::table
            .order(equipment::id)
            .select((equipment::id, equipment::serial_number))
            .load(c)?;
        let checklists: Vec<(i64, String, String)> = checklist_templates::table
            .order(checklist_templates::id)
            .select((
                checklist_templates::id,
                checklist_templates::equipment_type,
                checklist_templates::version,
            ))
            .load(c)?;
        let types: Vec<(i64, String)> = asset_types::table
            .order(asset_types::id)
            .select((asset_types::routine_id, asset_types::equipment_type))
            .load(c)?;
        (addresses, serials, checklists, types)
    });
    let versions: BTreeMap<i64, String> =
        checklists.iter().map(|(id, _, version)| (*id, version.clone())).collect();
    let checklists = checklists.into_iter().map(|(id, of_type, _)| (id, of_type));
    let mut found = clashes("users.email", addresses, |_, email| Key::of(email));
    found.extend(clashes("equipment.serial_number", serials, |_, serial| Key::of(serial)));
    found.extend(clashes("checklist_templates.equipment_type", checklists, |id, of_type| {
        (Key::of(of_type), versions.get(&id).cloned())
    }));
    found.extend(clashes("inspection_routines.asset_types", types, |id, of_type| (id, Key::of(of_type))));
    if found.is_empty() { Ok(()) } else { Err(Error::Rule(Box::new(Clashes(found)))) }
}

/// Rows of one transaction that writes keys.
const FILLED_AT_ONCE: usize = 500;

/// Writes the keys that are missing, or that belong to an earlier value, in short transactions.
pub(crate) fn fill(conn: &mut DbConnection) -> Result<()> {
    macro_rules! fill {
        ($($table:ident: $value:ident => $key:ident),+ $(,)?) => {$({
            let pairs: Vec<(Option<String>, Option<String>)> = with_conn!(&mut *conn, |c| $table::table
                .select(($table::$value.nullable(), $table::$key))
                .distinct()
                .load(c))?;
            let wrong: Vec<(String, Key)> = pairs
                .into_iter()
                .filter_map(|(value, stored)| value.map(|value| (Key::of(&value), value, stored)))
                .filter(|(key, _, stored)| stored.as_deref() != Some(key.as_str()))
                .map(|(key, value, _)| (value, key))
                .collect();
            for some in wrong.chunks(FILLED_AT_ONCE) {
                conn.transaction(|conn| {
                    for (value, key) in some {
                        let rows = $table::table.filter($table::$value.eq(value));
                        with_conn!(&mut *conn, |c| diesel::update(rows)
                            .set($table::$key.eq(key))
                            .execute(c))?;
                    }
                    Ok::<(), Error>(())
                })?;
            }
        })+};
    }
    fill!(
        users: email => email_key,
        equipment: equipment_type => type_key,
        equipment: serial_number => serial_key,
        equipment: berth => berth_key,
        checklist_templates: equipment_type => type_key,
        asset_types: equipment_type => type_key,
        inspection_assignments: berth => berth_key,
    );
    Ok(())
}
