//! The database role of the service.

use std::{fs, process::Command};

use inspection_testkit::{or_skip, postgres::Server};
use tempfile::TempDir;

use super::{output_text, read};

#[test]
fn the_role_of_the_service_is_no_superuser_and_owns_its_database() {
    let server = or_skip!(Server::shared());
    let psql = or_skip!(server.tool("psql"));
    // The server of the tests already has a role of that name.
    let name = format!("deployed_{}", server.fresh_name());
    let script = read("docker/postgres/role.sql").replace("inspection", &name);
    let folder = TempDir::new().expect("a folder");
    fs::write(folder.path().join("role.sql"), script).expect("a script");
    let run = |url: &str, arguments: &[&str]| {
        let mut command = Command::new(&psql);
        command.args(["-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", url]).args(arguments);
        let output =
            command.env("DB_PASSWORD", "it's secret").current_dir(folder.path()).output().expect("psql");
        assert!(output.status.success(), "{}", output_text(&output));
        String::from_utf8(output.stdout).expect("text").trim().to_owned()
    };
    run(&server.url("postgres"), &["-f", "role.sql"]);
    let own = server.url(&name).replace("//inspection@", &format!("//{name}@"));
    run(&own, &["-c", "CREATE TABLE things (id integer)"]);
    let rights =
        "SELECT rolsuper, rolcreatedb, rolcreaterole, rolcanlogin FROM pg_roles WHERE rolname = current_user";
    assert_eq!(run(&own, &["-c", rights]), "f|t|f|t");
    let password = format!("SELECT left(rolpassword, 6) FROM pg_authid WHERE rolname = '{name}'");
    assert_eq!(
        run(&server.url("postgres"), &["-c", &password]),
        "SCRAM-",
        "the password of the environment is set"
    );
}
