//! The reverse proxies.

use std::{
    fs::{self, File},
    path::Path,
    process::{Child, Command, Stdio},
    thread,
    time::{Duration, Instant},
};

use inspection_testkit::{
    or_skip,
    skips::{Skipped, program},
};
use tempfile::TempDir;

use super::{
    assert_lines, assert_no_client_chooses_the_prefix, assert_tags_survive, behind_a_proxy, output_text, read,
};

/// Whether nginx enables HTTP/2 by a directive, as since version 1.25.1.
fn has_http2_directive(nginx: &Path) -> bool {
    let output = Command::new(nginx).arg("-v").output().expect("nginx");
    let text = output_text(&output);
    let version = text.split_once("nginx/").expect("a version").1;
    let numbers: Vec<u32> = version.split(['.', ' ', '\n']).map_while(|number| number.parse().ok()).collect();
    numbers >= vec![1, 25, 1]
}

/// nginx with the configuration of the deployment, on Unix sockets in a folder. The first instance
/// of the service is missing; the second one answers with the request that it received.
struct Nginx {
    folder: TempDir,
    process: Child,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The process may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl Nginx {
    fn start() -> Result<Self, Skipped> {
        Self::start_before("unix:{}/first")
    }

    /// As [`start`](Self::start), with the first instance at this address.
    fn start_before(first: &str) -> Result<Self, Skipped> {
        let (nginx, openssl, _) = (program("nginx")?, program("openssl")?, program("curl")?);
        let folder = TempDir::new().expect("a folder");
        let place = folder.path().to_str().expect("a path");
        let mut site = read("docker/nginx/inspection.conf");
        // As documented, by the version of nginx.
        let tls = if has_http2_directive(&nginx) {
            site = format!("{}{site}", read("docker/nginx/http2.conf"));
            "ssl"
        } else {
            let documented = "sed -i 's/443 ssl;/443 ssl http2;/' /etc/nginx/conf.d/inspection.conf";
            assert!(read("docker/README.md").contains(documented), "README: no `{documented}`");
            site = site.replace("443 ssl;", "443 ssl http2;");
            "ssl http2"
        };
        for (original, changed) in [
            ("    listen 80;\n", "    listen unix:{}/http;\n"),
            ("    listen [::]:80;\n", ""),
            (&format!("    listen 443 {tls};\n"), &format!("    listen unix:{{}}/https {tls};\n")),
            (&format!("    listen [::]:443 {tls};\n"), ""),
            ("server 127.0.0.1:5000 ", &format!("server {first} ")),
            ("server 127.0.0.1:5001 ", "server unix:{}/second "),
            ("/etc/inspection/tls/", "{}/"),
            ("/var/log/nginx/", "{}/"),
            ("/var/www/", "{}/"),
            // A client at a Unix socket has no address.
            ("X-Forwarded-For $remote_addr;", "X-Forwarded-For 198.51.100.9;"),
        ] {
            assert!(site.contains(original), "inspection.conf: no `{original}`");
            site = site.replace(original, &changed.replace("{}", place));
        }
        let main = format!(
            "daemon off; master_process off; pid {place}/pid; error_log {place}/error.log;
            events {{}}
            http {{
                client_body_temp_path {place}/b; proxy_temp_path {place}/p; fastcgi_temp_path {place}/f;
                uwsgi_temp_path {place}/u; scgi_temp_path {place}/s;
                include {place}/site.conf;
                server {{
                    listen unix:{place}/second; client_max_body_size 0; default_type application/json;
                    location / {{ return 200 '$request_method $request_uri|$http_host|$http_x_forwarded_proto|$http_x_forwarded_for|$http_x_request_id'; }}
                    location = /large {{ return 200 '{}'; }}
                }}
            }}",
            "x".repeat(3000)
        );
        fs::write(folder.path().join("site.conf"), site).expect("a configuration");
        fs::write(folder.path().join("nginx.conf"), main).expect("a configuration");
        for (path, text) in
            [("certbot/.well-known/acme-challenge/proof", "ours"), ("inspection/app.js", "an app")]
        {
            let path = folder.path().join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        }
        let mut certificate = Command::new(openssl);
        certificate.args(["req", "-x509", "-newkey", "rsa:2048", "-nodes"]);
        certificate.args(["-days", "2", "-subj", "/CN=inspection.example.com"]);
        certificate.args(["-keyout", "privkey.pem", "-out", "fullchain.pem"]).current_dir(&folder);
        let output = certificate.output().expect("openssl");
        assert!(output.status.success(), "{}", output_text(&output));

        let mut command = Command::new(nginx);
        command.arg("-c").arg(folder.path().join("nginx.conf")).arg("-p").arg(folder.path());
        let checked =
            Command::new(command.get_program()).args(command.get_args()).arg("-t").output().expect("nginx");
        let text = output_text(&checked);
        assert!(checked.status.success() && !text.contains("[warn]"), "{text}");
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("nginx");
        let nginx = Self { folder, process };
        nginx.wait_until_ready();
        Ok(nginx)
    }

    fn wait_until_ready(&self) {
        let started = Instant::now();
        while self.request("http", "/.well-known/acme-challenge/proof", &[]).0 != "200" {
            assert!(
                started.elapsed() < Duration::from_mins(1),
                "nginx does not answer: {}",
                self.file("error.log")
            );
            thread::sleep(Duration::from_millis(20));
        }
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap_or_default()
    }

    /// Sends a request with curl. Returns the status and the text of the response with its headers.
    fn request(&self, scheme: &str, path: &str, arguments: &[&str]) -> (String, String) {
        let mut curl = Command::new("curl");
        curl.args(["-q", "-s", "-i", "-k", "--path-as-is", "-w", "\n%{http_code}", "--unix-socket", scheme]);
        curl.args(arguments).arg(format!("{scheme}://inspection.example.com{path}"));
        let output = curl.current_dir(&self.folder).output().expect("curl");
        let text = String::from_utf8(output.stdout).expect("text");
        let (answer, status) = text.rsplit_once('\n').expect("a status");
        (status.to_owned(), answer.to_owned())
    }

    /// The status of a POST with a body of `size` bytes.
    fn post(&self, path: &str, size: u64) -> String {
        File::create(self.folder.path().join("body")).expect("a file").set_len(size).expect("a size");
        self.request("https", path, &["-X", "POST", "-T", "body"]).0
    }
}

#[test]
fn nginx_redirects_to_tls_and_forwards_the_address_of_the_client() {
    let nginx = or_skip!(Nginx::start());
    let (status, answer) = nginx.request("http", "/api/defects?page=2", &[]);
    assert_eq!(status, "301");
    assert!(answer.contains("Location: https://inspection.example.com/api/defects?page=2\r\n"), "{answer}");
    // The first instance is missing. A request that it did not receive goes to the second one.
    let from = ["-H", "X-Request-Id: an-id", "-H", "X-Forwarded-For: 192.0.2.7", "-d", "{}"];
    let (status, answer) = nginx.request("https", "/api/files/7/content?signature=hush", &from);
    assert_eq!(status, "200", "{answer}");
    let passed_on =
        "POST /api/files/7/content?signature=hush|inspection.example.com|https|198.51.100.9|an-id";
    assert!(answer.contains(passed_on), "{answer}");
    assert!(answer.starts_with("HTTP/2 200"), "{answer}");
    assert!(answer.contains("server: nginx\r\n"), "without its version: {answer}");
    assert!(!nginx.file("access.log").contains("hush"), "signatures of links stay out of the log");
    for path in ["/", "/health", "/docs/", "/.well-known/security.txt", "/api/notifications/stream"] {
        let (status, answer) = nginx.request("https", path, &[]);
        assert!(status == "200" && answer.contains(&format!("GET {path}|")), "{path}: {answer}");
    }
    let (_, file) = nginx.request("https", "/app.js", &[]);
    assert!(file.ends_with("an app"), "the proxy serves the files of the web app");
    let (_, answer) = nginx.request("https", "/health", &[]);
    for name in [
        "strict-transport-security",
        "x-content-type-options",
        "x-frame-options",
        "referrer-policy",
        "content-security-policy",
    ] {
        assert!(file.contains(&format!("\r\n{name}: ")), "{name}: {file}");
        // The service sends its own headers; the proxy adds none to them.
        assert!(!answer.contains(&format!("\r\n{name}: ")), "{name}: {answer}");
    }
    let (_, answer) =
        nginx.request("https", "/large", &["-H", "Accept-Encoding: gzip", "-o", "large.gz", "-D", "-"]);
    assert!(answer.contains("content-encoding: gzip"), "{answer}");
}

#[test]
fn connections_have_forward_secrecy() {
    let nginx = or_skip!(Nginx::start());
    let status = |ciphers: &str, version: &str| {
        let arguments = ["--tlsv1.0", "--tls-max", version, "--ciphers", ciphers];
        nginx.request("https", "/health", &arguments).0
    };
    for name in ["ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-CHACHA20-POLY1305"]
    {
        assert_eq!(status(name, "1.2"), "200", "{name}");
    }
    // Keys that are encrypted with that of the certificate, and modes without authentication.
    for name in ["AES128-GCM-SHA256", "AES256-GCM-SHA384", "AES128-SHA", "ECDHE-RSA-AES128-SHA256"] {
        assert_eq!(status(name, "1.2"), "000", "{name}");
    }
    assert_eq!(status("ALL:@SECLEVEL=0", "1.1"), "000", "TLS 1.1");
    assert_eq!(status("ALL", "1.3"), "200");
    // The defaults of Caddy are the same.
    let caddy = read("docker/Caddyfile");
    assert!(!caddy.lines().any(|line| line.trim_start().starts_with("tls ")), "{caddy}");
}

#[test]
fn tags_survive_the_compression_of_nginx() {
    let site = or_skip!(behind_a_proxy());
    let nginx = or_skip!(Nginx::start_before(site.base.trim_start_matches("http://")));
    let tag = assert_tags_survive(&site, |path, arguments| nginx.request("https", path, arguments));
    assert!(tag.starts_with("w/"), "nginx makes it weak: {tag}");
    assert_no_client_chooses_the_prefix(|path, arguments| nginx.request("https", path, arguments));
}

#[test]
fn nginx_hides_the_metrics() {
    let nginx = or_skip!(Nginx::start());
    for path in
        ["/metrics", "/metrics/", "//metrics", "/./metrics", "/%6detrics", "/api/../metrics", "/metrics?x=1"]
    {
        assert_eq!(nginx.request("https", path, &[]).0, "404", "{path}");
    }
}

#[test]
fn the_proxies_accept_bodies_as_large_as_the_service_does() {
    // A change of one of these requires a change of the limits of both proxies.
    let upload = read("crates/http/src/files/upload.rs");
    assert_lines(
        "upload.rs",
        &upload,
        &["const MAX_FILES: usize = 10;", "const MAX_OVERHEAD: usize = 64 << 10;"],
    );
    assert_lines(".env.example", &read(".env.example"), &["#MAX_CONTENT_LENGTH=16777216"]);
    let (file, envelope) = (16 << 20, 64 << 10);
    let caddy = read("docker/Caddyfile");
    for size in [file, file + envelope, 10 * file + envelope] {
        assert_lines("Caddyfile", &caddy, &[&format!("max_size {size}")]);
    }
    let nginx = or_skip!(Nginx::start());
    for (path, limit) in [
        ("/api/checklists", file),
        ("/api/files/upload", file + envelope),
        ("/api/files/upload-multiple", 10 * file + envelope),
    ] {
        assert_eq!(nginx.post(path, limit), "200", "{path}");
        assert_eq!(nginx.post(path, limit + 1), "413", "{path}");
    }
}

/// The lines that are indented below the first line that is `header`.
fn block(text: &str, header: &str) -> String {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim() != header);
    let first = lines.next().unwrap_or_else(|| panic!("no `{header}`"));
    let inside = lines.take_while(|line| line.trim().is_empty() || depth(line) > depth(first));
    inside.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn the_proxies_wait_longer_than_the_service() {
    let nginx = read("docker/nginx/inspection.conf");
    assert_lines(".env.example", &read(".env.example"), &["#REQUEST_TIMEOUT=120s"]);
    let expected = ["proxy_read_timeout 130s;", "proxy_send_timeout 130s;", "client_body_timeout 120s;"];
    assert_lines("inspection.conf", &nginx, &expected);
    let stream = block(&nginx, "location = /api/notifications/stream {");
    assert_lines("the stream", &stream, &["proxy_buffering off;", "proxy_read_timeout 1h;"]);
    let expected = ["ssl_protocols TLSv1.2 TLSv1.3;", "listen [::]:80;", "listen [::]:443 ssl;"];
    assert_lines("inspection.conf", &nginx, &expected);
    let directives: Vec<_> = nginx.lines().filter(|line| !line.trim().starts_with('#')).collect();
    assert!(!directives.iter().any(|line| line.contains("non_idempotent")), "no request is repeated");
    let caddy = read("docker/Caddyfile");
    assert_lines(
        "Caddyfile",
        &caddy,
        &["response_header_timeout 130s", "@metrics path /metrics*", "respond 404"],
    );
}
