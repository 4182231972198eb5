//! Checklists.

use inspection_auth::permissions::{ManageChecklists, ReadChecklists};
use inspection_domain::{
    checklists::{
        Item, ItemChanges, NewItem, NewTemplate, NewVersion, Template, TemplateChanges, TemplateFilter,
    },
    ids::{ItemId, TemplateId},
    text::Language,
};
use inspection_persistence::{checklists, versions};
use serde::Serialize;
use utoipa::ToSchema;

use crate::web::{
    app::App,
    entity_tags::Versioned,
    input::{Body, ListQuery, Path, PathPair},
    permit::Permit,
    problem::Problem,
    rendered::Rendered,
    reply::{Created, Done, Paged, Reply},
    routes::Routes,
};

/// Endpoints of checklists.
pub(crate) fn routes(routes: &mut Routes) {
    routes.tag("checklists", "Checklists: versions and their questions");
    routes.get("/api/checklists", "checklists.list", list, "List checklists with their questions, filtered");
    routes.post(
        "/api/checklists",
        "checklists.create",
        create,
        "Create a checklist with its first questions",
    );
    routes.get("/api/checklists/{id}", "checklists.get", get, "Get a checklist with its questions");
    routes.put(
        "/api/checklists/{id}",
        "checklists.update",
        update,
        "Update a checklist's name or active flag",
    );
    routes.post(
        "/api/checklists/{id}/versions",
        "checklists.clone",
        clone,
        "Copy a checklist to a new version",
    );
    routes.post("/api/checklists/{id}/items", "checklists.add_item", add_item, "Add a question");
    routes.put(
        "/api/checklists/{id}/items/{item_id}",
        "checklists.update_item",
        update_item,
        "Update a question; once it is answered, only its order and, in part, whether it is required",
    );
    routes.delete(
        "/api/checklists/{id}/items/{item_id}",
        "checklists.delete_item",
        delete_item,
        "Remove an unanswered question",
    );
}

inspection_domain::shows!(ItemView { item }, TemplateView { template }, ChecklistView { template, items });

/// A question.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ItemView {
    #[serde(flatten)]
    item: Item,
    /// The question, as entered.
    question_text_en: String,
    /// Position in the checklist.
    order: i32,
    /// Whether a failed answer is critical.
    is_critical: bool,
    /// Lineage: the first item of the line of copies, which is the same question in all versions of
    /// the checklist.
    lineage: ItemId,
}

impl ItemView {
    /// The question in the reader's language.
    pub(crate) fn new(mut item: Item, language: Language) -> Self {
        let shown = language.choose(&item.question_text, item.question_text_ar.as_deref()).to_owned();
        let question_text_en = std::mem::replace(&mut item.question_text, shown);
        Self {
            order: item.order_index,
            is_critical: item.critical_failure,
            lineage: item.lineage(),
            item,
            question_text_en,
        }
    }
}

/// A checklist without its questions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct TemplateView {
    #[serde(flatten)]
    template: Template,
    /// The name, as entered.
    name_en: String,
}

impl TemplateView {
    /// The checklist, with its name in the reader's language.
    pub(crate) fn new(mut template: Template, language: Language) -> Self {
        let name_en = template.name;
        template.name = language.choose(&name_en, template.name_ar.as_deref()).to_owned();
        Self { template, name_en }
    }
}

/// A checklist with its questions.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct ChecklistView {
    #[serde(flatten)]
    template: TemplateView,
    /// The questions, in order.
    items: Vec<ItemView>,
}

impl ChecklistView {
    /// The checklist, in the reader's language.
    pub(crate) fn new((template, items): checklists::Checklist, language: Language) -> Self {
        let items = items.into_iter().map(|item| ItemView::new(item, language)).collect();
        Self { template: TemplateView::new(template, language), items }
    }
}

async fn list(
    app: App,
    permit: Permit<ReadChecklists>,
    query: ListQuery<TemplateFilter>,
) -> Result<Paged<ChecklistView>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let page = checklists::list(conn, &filter, page)?;
        Ok(page.map(|checklist| ChecklistView::new(checklist, caller.language)))
    });
    Ok(Paged(page.await?))
}

async fn get(
    app: App,
    permit: Permit<ReadChecklists>,
    id: Path<TemplateId>,
) -> Result<Reply<ChecklistView>, Problem> {
    let view = app.read(permit, id, |conn, caller, id| {
        let checklist = checklists::get(conn, id)?;
        let version = versions::of_state(&checklist)?;
        Ok(Versioned { version, view: ChecklistView::new(checklist, caller.language) })
    });
    Ok(Reply::versioned(view.await?))
}

async fn create(
    app: App,
    permit: Permit<ManageChecklists>,
    body: Body<NewTemplate>,
) -> Result<Rendered<Created<ChecklistView>>, Problem> {
    app.write(permit, body, |tx, caller, new| {
        Ok(Created::with(
            ChecklistView::new(checklists::create(tx, new)?, caller.language),
            "checklist created",
        ))
    })
    .await
}

async fn update(
    app: App,
    permit: Permit<ManageChecklists>,
    id: Path<TemplateId>,
    body: Body<TemplateChanges>,
) -> Result<Rendered<Reply<ChecklistView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, changes)| {
        Ok(Reply::with(
            ChecklistView::new(checklists::update(tx, id, changes)?, caller.language),
            "checklist changed",
        ))
    })
    .await
}

async fn clone(
    app: App,
    permit: Permit<ManageChecklists>,
    id: Path<TemplateId>,
    body: Body<NewVersion>,
) -> Result<Rendered<Created<ChecklistView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        Ok(Created::with(
            ChecklistView::new(checklists::clone(tx, id, new)?, caller.language),
            "version created",
        ))
    })
    .await
}

async fn add_item(
    app: App,
    permit: Permit<ManageChecklists>,
    id: Path<TemplateId>,
    body: Body<NewItem>,
) -> Result<Rendered<Created<ItemView>>, Problem> {
    app.write(permit, (id, body), |tx, caller, (id, new)| {
        Ok(Created::with(ItemView::new(checklists::add_item(tx, id, new)?, caller.language), "item added"))
    })
    .await
}

async fn update_item(
    app: App,
    permit: Permit<ManageChecklists>,
    ids: PathPair<TemplateId, ItemId>,
    body: Body<ItemChanges>,
) -> Result<Rendered<Reply<ItemView>>, Problem> {
    app.write(permit, (ids, body), |tx, caller, ((template, id), changes)| {
        Ok(Reply::with(
            ItemView::new(checklists::update_item(tx, template, id, changes)?, caller.language),
            "item changed",
        ))
    })
    .await
}

async fn delete_item(
    app: App,
    permit: Permit<ManageChecklists>,
    ids: PathPair<TemplateId, ItemId>,
) -> Result<Rendered<Done>, Problem> {
    app.write(permit, ids, |tx, _, (template, id)| {
        checklists::delete_item(tx, template, id)?;
        Ok(Done("item removed"))
    })
    .await
}
