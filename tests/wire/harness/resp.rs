//! A few lines of Redis' own language, to do to a server what no client library would.

use std::{fmt::Write as _, net::SocketAddr};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader},
    net::TcpStream,
};

/// A connection to a Redis.
pub(crate) struct Resp(BufReader<TcpStream>);

/// What it answers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Said {
    Text(String),
    Error(String),
    Number(i64),
    Nothing,
    List(Vec<Said>),
}

impl Said {
    /// The text that it is, where it is no error.
    #[track_caller]
    pub(crate) fn text(self) -> String {
        match self {
            Self::Text(text) => text,
            other => panic!("{other:?}"),
        }
    }
}

impl Resp {
    /// None where nobody listens.
    pub(crate) async fn connect(to: SocketAddr) -> Option<Self> {
        Some(Self(BufReader::new(TcpStream::connect(to).await.ok()?)))
    }

    /// Sends a command and reads its answer; none where the connection is closed.
    pub(crate) async fn ask(&mut self, words: &[&str]) -> Option<Said> {
        self.0.write_all(command(words).as_bytes()).await.ok()?;
        self.next().await
    }

    /// The next answer, or the next line of a `MONITOR`.
    pub(crate) async fn next(&mut self) -> Option<Said> {
        let mut line = String::new();
        self.0.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let (kind, rest) = line.trim_end().split_at_checked(1)?;
        match (kind, rest) {
            ("+", text) => Some(Said::Text(text.to_owned())),
            ("-", why) => Some(Said::Error(why.to_owned())),
            (":", number) => Some(Said::Number(number.parse().ok()?)),
            ("$" | "*", "-1") => Some(Said::Nothing),
            ("$", length) => {
                let mut text = vec![0; length.parse::<usize>().ok()? + 2];
                self.0.read_exact(&mut text).await.ok()?;
                text.truncate(text.len() - 2);
                Some(Said::Text(String::from_utf8_lossy(&text).into_owned()))
            }
            ("*", length) => {
                let mut list = Vec::new();
                for _ in 0..length.parse::<usize>().ok()? {
                    list.push(Box::pin(self.next()).await?);
                }
                Some(Said::List(list))
            }
            _ => None,
        }
    }
}

/// The bytes of a command.
pub(crate) fn command(words: &[&str]) -> String {
    let mut bytes = format!("*{}\r\n", words.len());
    for word in words {
        write!(bytes, "${}\r\n{word}\r\n", word.len()).unwrap();
    }
    bytes
}
