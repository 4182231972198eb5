//! Evidence files over HTTP (rule book §14).

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
use walkdir::WalkDir;

use crate::site::TestSite;

/// A new user and their client.
fn signed_in(site: &TestSite, role: inspection_domain::users::Role) -> (User, Client) {
    let user = site.user(role);
    let client = site.client(&user);
    (user, client)
}

/// Uploads a small photo. Returns its data.
fn upload_photo(client: &Client, fields: &[(&str, &str)]) -> Value {
    client.upload(fields, "photo.jpg", "image/jpeg", &jpeg(40, 30)).data().clone()
}

/// The paths of all files in the storage folder of a service, sorted.
pub(crate) fn stored_files(site: &TestSite) -> Vec<String> {
    let root = site.folder.path();
    let entries = WalkDir::new(root).sort_by_file_name().into_iter().map(|entry| entry.expect("an entry"));
    let files = entries.filter(|entry| entry.file_type().is_file());
    files.map(|file| file.path().strip_prefix(root).expect("below the root").display().to_string()).collect()
}
