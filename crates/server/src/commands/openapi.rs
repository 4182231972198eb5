//! `openapi`: prints the OpenAPI document.

use anyhow::Result;

use super::say;

pub(super) fn run() -> Result<()> {
    Ok(say(inspection_http::openapi().trim_end())?)
}
