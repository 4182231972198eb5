//! `health`: the readiness probe of containers, as one line and an exit code.

use std::{net::IpAddr, time::Duration};

use anyhow::{Context as _, Result, bail};

use super::output::say;
use crate::config::{Config, Sources};

/// Timeout of the probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Address of the service; by default the configured one.
    #[arg(long)]
    url: Option<String>,
}

pub(super) fn run(args: Args) -> Result<()> {
    let base = match args.url {
        Some(url) => url,
        // Without logging: a probe every few seconds must not fill the log.
        None => own_address(Config::load(&Sources::from_system()?)?.address()),
    };
    let url = format!("{}/health/ready", base.trim_end_matches('/'));
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .timeout_global(Some(PROBE_TIMEOUT))
        // The service is on this machine, and must not be reached through a proxy.
        .proxy(None)
        .tls_config(
            ureq::tls::TlsConfig::builder()
                .provider(ureq::tls::TlsProvider::NativeTls)
                .root_certs(ureq::tls::RootCerts::PlatformVerifier)
                .build(),
        )
        .build()
        .into();
    let response = agent.get(&url).call().with_context(|| format!("{url} doesn't respond"))?;
    match response.status().as_u16() {
        200 => Ok(say(format!("{url} is ready"))?),
        status => bail!("{url} returns {status}"),
    }
}

/// The address at which this machine reaches a listening socket.
fn own_address((host, port): (&str, u16)) -> String {
    let host = match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) if address.is_unspecified() => "127.0.0.1".to_owned(),
        Ok(IpAddr::V6(address)) if address.is_unspecified() => "[::1]".to_owned(),
        Ok(IpAddr::V6(address)) => format!("[{address}]"),
        _ => host.to_owned(),
    };
    format!("http://{host}:{port}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_probe_uses_a_reachable_address() {
        for (host, address) in [
            ("0.0.0.0", "http://127.0.0.1:5000"),
            ("127.0.0.1", "http://127.0.0.1:5000"),
            ("192.0.2.7", "http://192.0.2.7:5000"),
            ("::", "http://[::1]:5000"),
            ("2001:db8::1", "http://[2001:db8::1]:5000"),
            ("localhost", "http://localhost:5000"),
        ] {
            assert_eq!(own_address((host, 5000)), address);
        }
    }
}
