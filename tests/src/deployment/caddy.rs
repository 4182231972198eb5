//! Caddy, as the alternative to nginx.

use std::{
    fs,
    path::PathBuf,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use inspection_testkit::{
    or_skip,
    skips::{Skipped, program},
};
use tempfile::TempDir;

use super::{assert_no_client_chooses_the_prefix, assert_tags_survive, behind_a_proxy, output_text, read};

/// Caddy with the configuration of the deployment, on a Unix socket in a folder, without TLS.
struct Caddy {
    folder: TempDir,
    process: Child,
}

impl Drop for Caddy {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Caddy {
    /// Starts it in front of the service at this address.
    fn start_before(service: &str) -> Result<Self, Skipped> {
        let (caddy, _) = (program("caddy")?, program("curl")?);
        let folder = TempDir::new().expect("a folder");
        let socket =
            format!("http://inspection.example.com {{\n\tbind unix/{}", folder.path().join("http").display());
        let mut site = read("docker/Caddyfile");
        for (original, changed) in [
            ("inspection.example.com {", socket.as_str()),
            ("127.0.0.1:5000 127.0.0.1:5001 {", &format!("{service} {{")),
        ] {
            assert!(site.contains(original), "Caddyfile: no `{original}`");
            site = site.replacen(original, changed, 1);
        }
        let file = folder.path().join("Caddyfile");
        fs::write(&file, format!("{{\n\tadmin off\n\tauto_https off\n}}\n{site}")).expect("a configuration");
        let command = |action: &str| {
            let mut command = Command::new(&caddy);
            command.args([action, "--adapter", "caddyfile", "--config"]).arg(&file);
            command
                .env("HOME", folder.path())
                .env("XDG_CONFIG_HOME", folder.path())
                .env("XDG_DATA_HOME", folder.path());
            command
        };
        let checked = command("validate").output().expect("caddy");
        assert!(checked.status.success(), "{}", output_text(&checked));
        let process = command("run").stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("caddy");
        let caddy = Self { folder, process };
        let started = Instant::now();
        while caddy.request("/health", &[]).0 != "200" {
            assert!(started.elapsed() < Duration::from_mins(1), "Caddy does not answer");
            thread::sleep(Duration::from_millis(20));
        }
        Ok(caddy)
    }

    /// Sends a request with curl. Returns the status and the text of the response with its headers.
    fn request(&self, path: &str, arguments: &[&str]) -> (String, String) {
        let mut curl = Command::new("curl");
        curl.args(["-q", "-s", "-i", "--path-as-is", "-w", "\n%{http_code}", "--unix-socket"]);
        curl.arg(self.socket()).args(arguments).arg(format!("http://inspection.example.com{path}"));
        let output = curl.output().expect("curl");
        let text = String::from_utf8(output.stdout).expect("text");
        let (answer, status) = text.rsplit_once('\n').expect("a status");
        (status.to_owned(), answer.to_owned())
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("http")
    }
}

#[test]
fn tags_survive_the_compression_of_caddy() {
    let site = or_skip!(behind_a_proxy());
    let caddy = or_skip!(Caddy::start_before(site.base.trim_start_matches("http://")));
    // Some versions append `-gzip` to the tag, others leave it as it is.
    assert_tags_survive(&site, |path, arguments| caddy.request(path, arguments));
    assert_no_client_chooses_the_prefix(|path, arguments| caddy.request(path, arguments));
}
