//! `health`: asks the running server whether it is well, for containers that have no curl.

use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use crate::settings::Settings;

/// For connecting, asking and the answer together.
const DEADLINE: Duration = Duration::from_secs(2);

/// Exit code 0 if the server with these settings answers `GET /health` with 200, else 1 and why.
#[expect(clippy::print_stderr, reason = "this is a program's output")]
pub fn ask(settings: &Settings) -> ExitCode {
    let address = reachable(settings.server.address());
    // A server that answers to some hosts only must know itself by one of them.
    let host = settings.edge.trusted_hosts.first().map(|host| host.replacen('*', "health", 1));
    let why = match status(address, &host.unwrap_or_else(|| address.to_string())) {
        Ok(200) => return ExitCode::SUCCESS,
        Ok(status) => format!("status {status}"),
        Err(error) => error.to_string(),
    };
    eprintln!("http://{address}/health: {why}");
    ExitCode::FAILURE
}

/// Where a server on this address can be reached from its own machine.
fn reachable(listening: SocketAddr) -> SocketAddr {
    let ip = match listening.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, listening.port())
}

fn status(address: SocketAddr, host: &str) -> io::Result<u16> {
    let end = Instant::now() + DEADLINE;
    let mut stream = TcpStream::connect_timeout(&address, DEADLINE)?;
    write!(stream, "GET /health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n")?;
    let (mut head, mut buffer) = (Vec::new(), [0; 512]);
    while !head.contains(&b'\n') && head.len() < buffer.len() {
        // Without any time left, the shortest timeout there is: none at all would mean for ever.
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        stream.set_read_timeout(Some(left))?;
        match stream.read(&mut buffer)? {
            0 => break,
            count => head.extend_from_slice(&buffer[..count]),
        }
    }
    let status = std::str::from_utf8(&head).ok().and_then(|head| head.split(' ').nth(1)?.parse().ok());
    status.ok_or_else(|| io::Error::other("no HTTP answer"))
}
