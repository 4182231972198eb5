//! Directory: active people, and whether they can work on a date.

use inspection_auth::permissions::ReadDirectory;
use inspection_domain::directory::{DirectoryEntry, DirectoryFilter};
use inspection_persistence::directory;

use crate::web::{
    app::App, input::ListQuery, permit::Permit, problem::Problem, reply::Paged, routes::Routes,
};

/// Endpoint of the directory.
pub(crate) fn routes(routes: &mut Routes) {
    routes.get(
        "/api/users/directory",
        "users.directory",
        list,
        "List active users by name, and who can work on a date and shift",
    );
}

async fn list(
    app: App,
    permit: Permit<ReadDirectory>,
    query: ListQuery<DirectoryFilter>,
) -> Result<Paged<DirectoryEntry>, Problem> {
    let page = app.read(permit, query, |conn, caller, (filter, page)| {
        let (date, shift) = (filter.date.unwrap_or(caller.today), filter.only_shift());
        let mut page = page.of(directory::people(conn, &filter)?, |person| person.id);
        let people = std::mem::take(&mut page.items);
        Ok(page.with_items(directory::entries(conn, people, date, shift)?))
    });
    Ok(Paged(page.await?))
}
