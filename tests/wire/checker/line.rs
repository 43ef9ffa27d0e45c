//! A connection to a replica that tells how it broke: whether a client may ask again depends on that.

use std::{
    io,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpSocket, TcpStream},
    time::timeout,
};

/// Longest wait for an answer; a good one comes much sooner.
const LONGEST: Duration = Duration::from_secs(15);

/// An open connection.
pub(crate) struct Line {
    stream: BufReader<TcpStream>,
    /// Whether it has served a request already.
    pub(crate) has_served: bool,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    headers: Vec<(String, String)>,
    pub(crate) body: String,
}

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum Broken {
    /// The connection was closed and nothing of an answer had come.
    WithoutAByte,
    /// Anything else.
    Otherwise(String),
}

impl Reply {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str())
    }

    /// The value of the session's cookie that it sets, with its name.
    pub(crate) fn cookie(&self) -> Option<&str> {
        let set = self.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case("set-cookie"));
        let mut pairs = set.map(|(_, value)| value.split(';').next().unwrap_or_default());
        pairs.find(|pair| pair.starts_with("portcullis=") && !pair.ends_with('='))
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    pub(crate) fn closes(&self) -> bool {
        self.header("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"))
    }
}

impl Line {
    pub(crate) async fn from_to(from: IpAddr, to: SocketAddr) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind(SocketAddr::new(from, 0))?;
        let stream = timeout(LONGEST, socket.connect(to)).await??;
        stream.set_nodelay(true)?;
        Ok(Self { stream: BufReader::new(stream), has_served: false })
    }

    /// Sends a request and reads its answer.
    pub(crate) async fn ask(&mut self, request: &str) -> Result<Reply, Broken> {
        let asking = async {
            // Who hung up may have answered before.
            let _ = self.stream.write_all(request.as_bytes()).await;
            let reply = self.reply().await;
            self.has_served = true;
            reply
        };
        timeout(LONGEST, asking).await.unwrap_or_else(|_| Err(Broken::Otherwise(format!("nothing in {LONGEST:?}"))))
    }

    async fn reply(&mut self) -> Result<Reply, Broken> {
        let first = self.line().await?.ok_or(Broken::WithoutAByte)?;
        let status = first.get(9..12).and_then(|code| code.parse().ok());
        let status = status.ok_or_else(|| Broken::Otherwise(format!("{first:?} is no answer")))?;
        let cut = || Broken::Otherwise("cut within the answer".to_owned());
        let mut reply = Reply { status, headers: Vec::new(), body: String::new() };
        loop {
            let line = self.line().await?.ok_or_else(cut)?;
            let Some((key, value)) = line.split_once(": ") else { break };
            reply.headers.push((key.to_owned(), value.to_owned()));
        }
        let length = reply.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut body = vec![0; length];
        self.stream.read_exact(&mut body).await.map_err(|_| cut())?;
        reply.body = String::from_utf8_lossy(&body).into_owned();
        Ok(reply)
    }

    /// The next line; none at the end, also where the other side reset the connection.
    async fn line(&mut self) -> Result<Option<String>, Broken> {
        let mut line = Vec::new();
        match self.stream.read_until(b'\n', &mut line).await {
            Ok(1..) if line.ends_with(b"\n") => Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned())),
            Ok(1..) => Err(Broken::Otherwise(format!("cut within {:?}", String::from_utf8_lossy(&line)))),
            Ok(0) | Err(_) if line.is_empty() => Ok(None),
            Ok(0) => Ok(None),
            Err(why) => Err(Broken::Otherwise(why.to_string())),
        }
    }
}
