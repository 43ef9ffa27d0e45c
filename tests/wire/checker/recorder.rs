//! The app of a run: it writes down which request arrived as whom and when, and says so in its answer.

use std::{net::SocketAddr, sync::Arc};

use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    net::{TcpListener, TcpStream},
};

use super::board::Board;
use crate::harness::beside;

/// An app that never refuses anything.
pub(crate) async fn recorder(board: Arc<Board>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    beside(async move {
        while let Ok((stream, _)) = listener.accept().await {
            stream.set_nodelay(true).unwrap();
            beside(serve(stream, Arc::clone(&board)));
        }
    });
    address
}

async fn serve(stream: TcpStream, board: Arc<Board>) {
    let mut stream = BufReader::new(stream);
    while let Some((mark, user)) = request(&mut stream).await {
        let body = format!("{mark} {user}");
        board.saw(mark, user);
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The mark and the user of the next request. What carries no mark is told from all others by a mark that nobody has.
async fn request(stream: &mut BufReader<TcpStream>) -> Option<(usize, String)> {
    let (mut mark, mut users, mut is_first) = (usize::MAX, Vec::new(), true);
    loop {
        let mut line = String::new();
        stream.read_line(&mut line).await.ok().filter(|read| *read > 0)?;
        let line = line.trim_end();
        if is_first {
            let path = line.split(' ').nth(1).unwrap_or_default();
            mark = path.strip_prefix("/r/").and_then(|mark| mark.parse().ok()).unwrap_or(usize::MAX);
            is_first = false;
        } else if line.is_empty() {
            return Some((mark, users.join(", ")));
        } else if let Some((_, user)) =
            line.split_once(": ").filter(|(name, _)| name.eq_ignore_ascii_case("remote-user"))
        {
            users.push(user.to_owned());
        }
    }
}
