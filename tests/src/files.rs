//! Evidence files over HTTP.

mod downloading;
mod evidence;
mod failing;
mod hostile;
mod links;
mod uploading;
mod visibility;

use inspection_domain::users::User;
use inspection_testkit::{clients::Client, files::jpeg};
use serde_json::Value;

use crate::site::TestSite;

/// A person and their client.
fn somebody(site: &TestSite, role: inspection_domain::users::Role) -> (User, Client) {
    let user = site.user(role);
    let client = site.client(&user);
    (user, client)
}

/// Uploads a small photo.
fn photo(client: &Client, fields: &[(&str, &str)]) -> Value {
    client.upload(fields, "photo.jpg", "image/jpeg", &jpeg(40, 30)).data().clone()
}

/// All files below a folder, as paths in it.
fn stored(site: &TestSite) -> Vec<String> {
    fn walk(folder: &std::path::Path, root: &std::path::Path, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                walk(&path, root, found);
            } else {
                found.push(path.strip_prefix(root).expect("below").display().to_string());
            }
        }
    }
    let mut found = Vec::new();
    walk(site.folder.path(), site.folder.path(), &mut found);
    found.sort();
    found
}
