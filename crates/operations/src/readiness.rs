//! The probes of containers.

use std::{net::IpAddr, time::Duration};

use crate::{
    Result,
    error::{Context as _, bail},
};

/// Timeout of the probe.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// The question of a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Probe {
    /// Whether the service can answer requests now.
    Ready,
    /// Whether the process responds at all, with or without its database.
    Live,
}

/// Probes a service on this machine. Returns the answer as a line; otherwise an error.
pub fn probe(base: &str, probe: Probe) -> Result<String> {
    let name = match probe {
        Probe::Ready => "ready",
        Probe::Live => "live",
    };
    let url = format!("{}/health/{name}", base.trim_end_matches('/'));
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
        200 => Ok(format!("{url} is {name}")),
        status => bail!("{url} returns {status}"),
    }
}

/// The address at which this machine reaches a listening socket.
pub fn own_address((host, port): (&str, u16)) -> String {
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
