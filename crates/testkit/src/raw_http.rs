//! A connection that sends bytes as they are, valid HTTP or not, at little cost of its own.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpStream, ToSocketAddrs},
    time::Duration,
};

/// Time limit for each read and write.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Maximal length of the head of a response.
const HEAD_MAX: u64 = 1 << 16;

/// A connection to a service.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
    line: Vec<u8>,
}

/// Status line and framing of a response.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ResponseHead {
    /// Status code.
    pub status: u16,
    /// The service closes the connection after the response.
    pub closes: bool,
}

impl Connection {
    /// Connects to a host and port.
    pub fn open(address: &str) -> io::Result<Self> {
        let address = address.to_socket_addrs()?.next().ok_or(io::ErrorKind::AddrNotAvailable)?;
        let stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        stream.set_write_timeout(Some(TIMEOUT))?;
        Ok(Self { stream: BufReader::with_capacity(1 << 16, stream), line: Vec::new() })
    }

    /// Sets the time limit for each read.
    pub fn set_read_timeout(&self, timeout: Duration) -> io::Result<()> {
        self.stream.get_ref().set_read_timeout(Some(timeout))
    }

    /// Sends bytes.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes)
    }

    /// Ends the output: the service sees the end of its input and may still respond.
    pub fn finish(&mut self) -> io::Result<()> {
        self.stream.get_ref().shutdown(Shutdown::Write)
    }

    /// Sends a request and reads its response, as [`receive`](Self::receive).
    pub fn exchange(&mut self, request: &[u8], body: &mut Vec<u8>) -> io::Result<ResponseHead> {
        self.send(request)?;
        self.receive(request.starts_with(b"HEAD "), body)
    }

    /// Reads a response. Its body replaces the content of `body`; that to a `HEAD` request has
    /// none.
    ///
    /// An error of the kind `UnexpectedEof` stands for a connection that the service closed before
    /// the end of the response.
    pub fn receive(&mut self, is_head: bool, body: &mut Vec<u8>) -> io::Result<ResponseHead> {
        body.clear();
        loop {
            let (head, framing) = self.head()?;
            match framing {
                // An interim response precedes the final one.
                _ if head.status < 200 => {}
                _ if is_head || matches!(head.status, 204 | 304) => return Ok(head),
                Framing::Length(length) => {
                    self.take(length, body)?;
                    return Ok(head);
                }
                Framing::Chunks => {
                    self.chunks(body)?;
                    return Ok(head);
                }
                Framing::Connection => {
                    self.stream.read_to_end(body)?;
                    return Ok(ResponseHead { closes: true, ..head });
                }
            }
        }
    }

    fn head(&mut self) -> io::Result<(ResponseHead, Framing)> {
        self.read_line()?;
        let status =
            std::str::from_utf8(&self.line).ok().and_then(|line| line.split(' ').nth(1)?.parse().ok());
        let status = status.ok_or_else(|| invalid(format!("no status line: {:?}", self.text())))?;
        let (mut head, mut framing) = (ResponseHead { status, closes: false }, Framing::Connection);
        loop {
            self.read_line()?;
            if self.line.is_empty() {
                return Ok((head, framing));
            }
            let line = self.text().to_ascii_lowercase();
            let (name, value) =
                line.split_once(':').ok_or_else(|| invalid(format!("no header: {line:?}")))?;
            match (name, value.trim()) {
                ("content-length", value) => {
                    let length = value.parse().map_err(|_| invalid(format!("no length: {value:?}")))?;
                    framing = Framing::Length(length);
                }
                ("transfer-encoding", "chunked") => framing = Framing::Chunks,
                ("connection", "close") => head.closes = true,
                _ => {}
            }
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.line).into_owned()
    }

    /// Reads a line, without its end.
    fn read_line(&mut self) -> io::Result<()> {
        self.line.clear();
        let read = (&mut self.stream).take(HEAD_MAX).read_until(b'\n', &mut self.line)?;
        if read == 0 || self.line.pop() != Some(b'\n') {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(())
    }

    fn take(&mut self, length: u64, body: &mut Vec<u8>) -> io::Result<()> {
        let read = (&mut self.stream).take(length).read_to_end(body)?;
        if read as u64 == length { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
    }

    fn chunks(&mut self, body: &mut Vec<u8>) -> io::Result<()> {
        loop {
            self.read_line()?;
            let text = self.text();
            let length = u64::from_str_radix(text.split(';').next().unwrap_or_default().trim(), 16);
            let length = length.map_err(|_| invalid(format!("no chunk: {text:?}")))?;
            self.take(length, body)?;
            self.read_line()?;
            if length == 0 {
                return Ok(());
            }
        }
    }
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy)]
enum Framing {
    Length(u64),
    Chunks,
    Connection,
}

fn invalid(problem: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, problem)
}
