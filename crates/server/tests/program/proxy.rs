//! nginx with TLS in front of a service, with ports and certificates of the test.

use std::{
    fs,
    net::{TcpListener, TcpStream},
    path::{Path, PathBuf},
    process::{Child, Command},
    thread,
    time::{Duration, Instant},
};

use inspection_testkit::skips::{self, Skipped};
use openssl::{
    asn1::Asn1Time,
    bn::BigNum,
    ec::{EcGroup, EcKey},
    hash::MessageDigest,
    nid::Nid,
    pkey::{PKey, Private},
    x509::{
        X509, X509Builder, X509Name, X509NameBuilder,
        extension::{BasicConstraints, KeyUsage, SubjectAlternativeName},
    },
};
use tempfile::TempDir;

/// Timeout until nginx listens.
const START_TIMEOUT: Duration = Duration::from_secs(30);

/// Name of the CA.
const CA: &str = "CA of the tests";

/// A configuration like the shipped one, for tests that break it at `#server` and `#location`.
pub(crate) const BREAKABLE: &str = "
server {
    listen 80;
    server_name inspections.example.com;
    return 301 https://$host$request_uri;
}
server {
    listen 443 ssl;
    server_name inspections.example.com;
    ssl_certificate /etc/nginx/tls/fullchain.pem;
    ssl_certificate_key /etc/nginx/tls/privkey.pem;
    client_max_body_size 17m;
    #server
    location / {
        proxy_pass http://api:5000;
        proxy_set_header Host $host;
        proxy_set_header X-Forwarded-For $remote_addr;
        proxy_set_header X-Forwarded-Proto $scheme;
        #location
    }
}
";

/// The shipped configuration.
pub(crate) fn shipped() -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docker/nginx/inspection.conf");
    fs::read_to_string(file).expect("the shipped configuration")
}

/// The content of the block `http` of a configuration; all of it without that block.
fn in_http(text: &str) -> &str {
    let is_http = |line: &&str| line.trim_start().starts_with("http {") || line.trim() == "http{";
    let Some(line) = text.lines().find(is_http) else { return text };
    let begin = line.as_ptr() as usize - text.as_ptr() as usize + line.len();
    let mut depth = 1;
    for (at, letter) in text[begin..].char_indices() {
        depth += match letter {
            '{' => 1,
            '}' => -1,
            _ => 0,
        };
        if depth == 0 {
            return &text[begin..begin + at];
        }
    }
    panic!("the block http has no end");
}

/// The ports, paths and addresses of a test.
struct TestAddresses<'a> {
    http: u16,
    https: u16,
    folder: &'a Path,
    /// Address of the service.
    service: &'a str,
    /// The forwarded address of clients.
    client: &'a str,
}

/// The configuration with these addresses.
fn adapted(text: &str, addresses: &TestAddresses<'_>) -> String {
    let TestAddresses { http, https, folder, service, client } = addresses;
    let folder = folder.display();
    let mut lines = vec![format!(
        "pid {folder}/nginx.pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\naccess_log off;"
    )];
    for kind in ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"] {
        lines.push(format!("{kind}_temp_path {folder}/{kind};"));
    }
    for line in in_http(text).lines() {
        let line = line.replace("$proxy_add_x_forwarded_for", client).replace("$remote_addr", client);
        let word = line.split_whitespace().next().unwrap_or_default();
        match word {
            "listen" if line.contains("[::]") => {}
            "listen" if line.contains("443") => lines.push(format!("listen 127.0.0.1:{https} ssl;")),
            "listen" => lines.push(format!("listen 127.0.0.1:{http};")),
            "server_name" => lines.push("server_name localhost;".to_owned()),
            "ssl_certificate" => lines.push(format!("ssl_certificate {folder}/leaf.pem;")),
            "ssl_certificate_key" => lines.push(format!("ssl_certificate_key {folder}/leaf.key;")),
            "include" | "access_log" | "error_log" => {}
            _ => lines.push(line.replace("api:5000", service).replace("127.0.0.1:5000", service)),
        }
    }
    lines.push("}".to_owned());
    lines.join("\n")
}

fn key() -> PKey<Private> {
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).expect("a curve");
    PKey::from_ec_key(EcKey::generate(&group).expect("a key")).expect("a key")
}

fn name(common: &str) -> X509Name {
    let mut names = X509NameBuilder::new().expect("a name");
    names.append_entry_by_nid(Nid::COMMONNAME, common).expect("a name");
    names.build()
}

/// An unsigned certificate for a key, valid for a day.
fn certificate(subject: &str, serial: u32, key: &PKey<Private>) -> X509Builder {
    let mut builder = X509::builder().expect("a certificate");
    builder.set_version(2).expect("a version");
    builder
        .set_serial_number(&BigNum::from_u32(serial).unwrap().to_asn1_integer().unwrap())
        .expect("a number");
    builder.set_subject_name(&name(subject)).expect("a name");
    builder.set_not_before(&Asn1Time::from_unix(0).unwrap()).expect("a beginning");
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).expect("an end");
    builder.set_pubkey(key).expect("a key");
    builder
}

/// Writes a CA, and its certificate and key for `localhost`.
fn certificates(folder: &Path) {
    let (ca_key, leaf_key) = (key(), key());
    let mut ca = certificate(CA, 1, &ca_key);
    let issuer = name(CA);
    ca.set_issuer_name(&issuer).expect("a name");
    ca.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).expect("may sign");
    ca.append_extension(KeyUsage::new().critical().key_cert_sign().build().unwrap()).expect("may sign");
    ca.sign(&ca_key, MessageDigest::sha256()).expect("signed");
    let ca = ca.build();
    let mut leaf = certificate("localhost", 2, &leaf_key);
    leaf.set_issuer_name(&issuer).expect("a name");
    let names = SubjectAlternativeName::new().dns("localhost").build(&leaf.x509v3_context(Some(&ca), None));
    leaf.append_extension(names.expect("names")).expect("names");
    leaf.sign(&ca_key, MessageDigest::sha256()).expect("signed");
    fs::write(folder.join("ca.pem"), ca.to_pem().expect("PEM")).expect("written");
    fs::write(folder.join("leaf.pem"), leaf.build().to_pem().expect("PEM")).expect("written");
    fs::write(folder.join("leaf.key"), leaf_key.private_key_to_pem_pkcs8().expect("PEM")).expect("written");
}

/// The nginx of this machine.
pub(crate) fn nginx() -> Result<PathBuf, Skipped> {
    skips::program("nginx")
}

/// A running nginx.
pub(crate) struct Proxy {
    child: Child,
    folder: TempDir,
    /// Address with TLS.
    pub(crate) url: String,
    /// Port without TLS.
    pub(crate) http: u16,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        // The process may have exited.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").expect("a port").local_addr().expect("an address").port()
}

impl Proxy {
    /// Starts nginx with a configuration, in front of a service, with a forwarded client address.
    pub(crate) fn start(config: &str, service: &str, client: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        certificates(folder.path());
        // Another process may take a port that was free.
        for _ in 0..10 {
            let (http, https) = (free_port(), free_port());
            let service = service.trim_start_matches("http://");
            let text =
                adapted(config, &TestAddresses { http, https, folder: folder.path(), service, client });
            fs::write(folder.path().join("nginx.conf"), text).expect("written");
            let mut child = Command::new(nginx().expect("nginx"))
                .args(["-e", "stderr", "-g", "daemon off; master_process off;", "-p"])
                .arg(folder.path())
                .args(["-c", "nginx.conf"])
                .stderr(fs::File::create(folder.path().join("stderr")).expect("a file"))
                .spawn()
                .expect("started");
            let started = Instant::now();
            while child.try_wait().expect("a state").is_none() {
                if TcpStream::connect(("127.0.0.1", https)).is_ok()
                    && child.try_wait().expect("a state").is_none()
                {
                    return Self { child, folder, url: format!("https://localhost:{https}"), http };
                }
                assert!(started.elapsed() < START_TIMEOUT, "nginx doesn't listen");
                thread::sleep(Duration::from_millis(20));
            }
            let said = fs::read_to_string(folder.path().join("stderr")).expect("its output");
            assert!(said.contains("in use"), "{said}");
        }
        panic!("no port stays free");
    }

    /// The CA to trust.
    pub(crate) fn ca(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }
}

#[test]
fn a_complete_configuration_is_adapted() {
    let addresses = TestAddresses {
        http: 81,
        https: 444,
        folder: Path::new("/x"),
        service: "127.0.0.1:6",
        client: "192.0.2.1",
    };
    let whole = format!("user nginx;\nevents {{}}\nhttp {{\n{BREAKABLE}}}\n");
    let text = adapted(&whole, &addresses);
    assert_eq!(text.lines().collect::<Vec<_>>().join("\n"), adapted(&format!("\n{BREAKABLE}"), &addresses));
    for line in ["listen 127.0.0.1:81;", "listen 127.0.0.1:444 ssl;", "proxy_pass http://127.0.0.1:6;"] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(!text.contains("user nginx") && !text.contains("/etc/"), "{text}");
}
