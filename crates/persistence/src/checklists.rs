//! Checklists: reads, and units of work on versions and questions.

use diesel::prelude::*;
use inspection_domain::{
    audit::{AuditAction, Changes},
    checklists::{
        History, Item, ItemChanges, NewItem, NewTemplate, NewVersion, Template, TemplateChanges,
        TemplateFilter, TemplateOrder,
    },
    ids::{ItemId, TemplateId},
    page::{Page, PageRequest, Sort},
    rule::NotFound,
    schema::{checklist_items as items, checklist_templates as templates, inspection_answers, inspections},
    time::Instant,
};

use crate::{
    DbConnection, Result, Tx,
    db::database::one_row,
    db::query::{BATCH, anywhere, lower},
    translations,
};

/// A checklist with its questions, in order.
pub type Checklist = (Template, Vec<Item>);

/// A page of checklists with their questions.
pub fn list(conn: &mut DbConnection, filter: &TemplateFilter, page: PageRequest) -> Result<Page<Checklist>> {
    let sort = filter.sort.unwrap_or(Sort { by: TemplateOrder::Id, descending: true });
    let (found, questions, total) = with_conn!(conn, |c| {
        let filtered = || {
            let mut query = templates::table.into_boxed::<Backend>();
            filter_by!(query, {
                templates::equipment_type => filter.equipment_type.as_deref(),
                templates::is_active => filter.is_active,
            });
            if let Some(q) = &filter.q {
                let pattern = anywhere(q);
                query = query.filter(
                    lower(templates::name.nullable()).like(pattern.clone()).escape('\\').or(lower(
                        templates::name_ar,
                    )
                    .like(pattern)
                    .escape('\\')),
                );
            }
            query
        };
        let ordered = order_by!(filtered(), sort, templates::id, {
            TemplateOrder::Id => templates::id,
            TemplateOrder::Name => templates::name,
            TemplateOrder::EquipmentType => templates::equipment_type,
            TemplateOrder::CreatedAt => templates::created_at,
        });
        let found: Vec<Template> = ordered
            .select(Template::as_select())
            .limit(page.per_page.into())
            .offset(page.offset())
            .load(c)?;
        let questions: Vec<Item> = items::table
            .filter(items::template_id.eq_any(found.iter().map(|template| template.id)))
            .order((items::template_id, items::order_index))
            .select(Item::as_select())
            .load(c)?;
        (found, questions, filtered().count().get_result(c)?)
    });
    let of = |template: &Template| {
        questions.iter().filter(|item| item.template_id == template.id).cloned().collect()
    };
    let items = found.into_iter().map(|template| (template.clone(), of(&template))).collect();
    Ok(Page { items, total, request: page })
}

/// One checklist with its questions.
pub fn get(conn: &mut DbConnection, id: TemplateId) -> Result<Checklist> {
    let template =
        with_conn!(&mut *conn, |c| templates::table.find(id).select(Template::as_select()).first(c))
            .optional()?
            .ok_or(NotFound("checklist"))?;
    Ok((template, questions(conn, id)?))
}

/// The questions of a checklist, in order.
pub(crate) fn questions(conn: &mut DbConnection, id: TemplateId) -> Result<Vec<Item>> {
    Ok(with_conn!(conn, |c| items::table
        .filter(items::template_id.eq(id))
        .order(items::order_index)
        .select(Item::as_select())
        .load(c))?)
}

/// The newest active checklist of a type of equipment (§3).
pub(crate) fn active_for(conn: &mut DbConnection, equipment_type: &str) -> Result<Option<Template>> {
    Ok(with_conn!(conn, |c| templates::table
        .filter(templates::equipment_type.eq(equipment_type).and(templates::is_active))
        .order(templates::id.desc())
        .select(Template::as_select())
        .first(c))
    .optional()?)
}

fn locked(conn: &mut DbConnection, id: TemplateId) -> Result<Template> {
    lock_rows!(conn, templates::table.find(id).select(Template::as_select()), first)
        .optional()?
        .ok_or_else(|| NotFound("checklist").into())
}

/// The moment of the last submit of an inspection from this checklist.
fn last_submit(tx: &mut Tx<'_>, template: TemplateId) -> Result<Option<Instant>> {
    Ok(with_conn!(&mut *tx.conn, |c| inspections::table
        .filter(inspections::template_id.eq(template))
        .select(diesel::dsl::max(inspections::submitted_at))
        .first(c))?)
}

/// Holds a checklist while an inspection from it is handed in, so that its questions stay what they are.
pub(crate) fn hold(tx: &mut Tx<'_>, id: TemplateId) -> Result<()> {
    let held: TemplateId =
        lock_rows!(&mut *tx.conn, templates::table.find(id).select(templates::id), for_share, first)?;
    debug_assert_eq!(held, id);
    Ok(())
}

/// A question of this checklist, locked until the transaction ends, and what has become of it. An answer that is being
/// given holds the question too, and a submit the checklist, so that neither happens to one that changes.
fn locked_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId) -> Result<(Item, History)> {
    locked(tx.conn, template)?;
    let own = items::table.find(id).filter(items::template_id.eq(template));
    let item: Option<Item> = lock_rows!(&mut *tx.conn, own.select(Item::as_select()), first).optional()?;
    let item = item.ok_or(NotFound("checklist item"))?;
    let answered: bool = with_conn!(&mut *tx.conn, |c| diesel::select(diesel::dsl::exists(
        inspection_answers::table.filter(inspection_answers::checklist_item_id.eq(id))
    ))
    .get_result(c))?;
    let history = match last_submit(tx, template)? {
        Some(at) if at >= item.created_at => History::HandedIn,
        _ if answered => History::Answered,
        _ => History::None,
    };
    Ok((item, history))
}

fn insert(tx: &mut Tx<'_>, template: Template, mut questions: Vec<Item>) -> Result<Checklist> {
    let template: Template = with_conn!(&mut *tx.conn, |c| diesel::insert_into(templates::table)
        .values(&template)
        .returning(Template::as_returning())
        .get_result(c))?;
    for item in &mut questions {
        item.template_id = template.id;
    }
    for batch in questions.chunks(BATCH) {
        with_conn!(&mut *tx.conn, |c| diesel::insert_into(items::table).values(batch).execute(c))?;
    }
    let questions = self::questions(tx.conn, template.id)?;
    tx.translate(None, &template);
    for item in &questions {
        tx.translate(None, item);
    }
    let changes = Changes::between(None, Some(&template)).with("items", questions.len());
    tx.audit(AuditAction::Create, "checklist", template.id.get(), changes);
    Ok((template, questions))
}

/// Makes a checklist with its first questions (§3).
pub fn create(tx: &mut Tx<'_>, new: NewTemplate) -> Result<Checklist> {
    let (template, questions) = new.draft(tx.actor()?.id, tx.now)?;
    insert(tx, template, questions)
}

/// Copies a checklist and its questions under a new version (§3).
pub fn clone(tx: &mut Tx<'_>, id: TemplateId, new: NewVersion) -> Result<Checklist> {
    let original = locked(tx.conn, id)?;
    let now = tx.now;
    let questions =
        questions(tx.conn, id)?.into_iter().map(|item| Item { created_at: now, updated_at: now, ..item });
    let next = original.next_version(new, tx.actor()?.id, now);
    insert(tx, next, questions.collect())
}

/// Changes a checklist's name or whether it is active.
pub fn update(tx: &mut Tx<'_>, id: TemplateId, changes: TemplateChanges) -> Result<Checklist> {
    let before = locked(tx.conn, id)?;
    let mut after = before.changed(changes, tx.now);
    translations::preserve_originals(tx.conn, &before, &mut after)?;
    with_conn!(&mut *tx.conn, |c| diesel::update(templates::table.find(id)).set(&after).execute(c))?;
    tx.translate(Some(&before), &after);
    tx.audit(AuditAction::Update, "checklist", id.get(), Changes::between(Some(&before), Some(&after)));
    Ok((after, questions(tx.conn, id)?))
}

/// Adds a question, at the given place or after the last (§3).
pub fn add_item(tx: &mut Tx<'_>, template: TemplateId, new: NewItem) -> Result<Item> {
    locked(tx.conn, template)?;
    let last: Option<i32> = with_conn!(&mut *tx.conn, |c| items::table
        .filter(items::template_id.eq(template))
        .select(diesel::dsl::max(items::order_index))
        .first(c))?;
    // After every submit so far, whatever the clocks of other instances say: what was handed in didn't ask this.
    let now = last_submit(tx, template)?.map_or(tx.now, |at| tx.now.max(at.next()));
    let item = new.draft(template, last.map_or(0, |last| last.saturating_add(1)), now)?;
    let item: Item = with_conn!(&mut *tx.conn, |c| diesel::insert_into(items::table)
        .values(&item)
        .returning(Item::as_returning())
        .get_result(c))?;
    tx.translate(None, &item);
    tx.audit(AuditAction::Create, "checklist_item", item.id.get(), Changes::between(None, Some(&item)));
    Ok(item)
}

/// Changes a question; what was answered stays what it was (§3).
pub fn update_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId, changes: ItemChanges) -> Result<Item> {
    let (before, history) = locked_item(tx, template, id)?;
    let mut after = before.changed(changes, tx.now)?;
    translations::preserve_originals(tx.conn, &before, &mut after)?;
    before.may_become(&after, history)?;
    with_conn!(&mut *tx.conn, |c| diesel::update(items::table.find(id)).set(&after).execute(c))?;
    tx.translate(Some(&before), &after);
    tx.audit(AuditAction::Update, "checklist_item", id.get(), Changes::between(Some(&before), Some(&after)));
    Ok(after)
}

/// Removes a question nobody has answered (§3).
pub fn delete_item(tx: &mut Tx<'_>, template: TemplateId, id: ItemId) -> Result<()> {
    let (item, history) = locked_item(tx, template, id)?;
    Item::may_be_deleted(history)?;
    one_row(with_conn!(&mut *tx.conn, |c| diesel::delete(items::table.find(id)).execute(c))?)?;
    tx.audit(AuditAction::Delete, "checklist_item", id.get(), Changes::between(Some(&item), None));
    Ok(())
}
