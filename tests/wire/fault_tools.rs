//! The tools of the fault tests do what they say: a road that goes wrong, and a Redis that is stopped, killed and emptied.

use std::{net::SocketAddr, process::Command, time::Duration};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    time::{Instant, timeout},
};

use crate::harness::{Child, Data, Faults, PATIENCE, Redis, RedisSaid, Resp, Way, beside, until};

/// Long enough to say that nothing comes.
const A_WHILE: Duration = Duration::from_millis(150);

/// Sends back what it is sent, with this before each piece.
async fn echo(mark: u8) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    beside(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            beside(async move {
                let mut piece = [0; 64];
                while let Ok(read @ 1..) = stream.read(&mut piece).await {
                    if stream.write_all(&[&[mark], &piece[..read]].concat()).await.is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

async fn connected(road: &Faults) -> TcpStream {
    let stream = TcpStream::connect(road.address).await.unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

/// Sends something there and back, so that the connection is certainly one of the road.
async fn is_carried(stream: &mut TcpStream, mark: char) {
    stream.write_all(b"here").await.unwrap();
    assert_eq!(next(stream).await.unwrap(), format!("{mark}here"));
}

/// What comes back next; none at the end.
async fn next(stream: &mut TcpStream) -> Option<String> {
    let mut piece = [0; 64];
    let read = timeout(PATIENCE, stream.read(&mut piece)).await.expect("something, or the end").unwrap_or(0);
    (read > 0).then(|| String::from_utf8_lossy(&piece[..read]).into_owned())
}

async fn nothing_comes(stream: &mut TcpStream) {
    assert!(timeout(A_WHILE, stream.read(&mut [0])).await.is_err());
}

#[tokio::test]
async fn a_road_passes_and_delays_each_way() {
    let road = Faults::toward(echo(b'>').await);
    let mut stream = connected(&road).await;
    stream.write_all(b"one").await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap(), ">one");
    road.delay(Duration::from_millis(200));
    let begun = Instant::now();
    stream.write_all(b"two").await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap(), ">two");
    assert!(begun.elapsed() >= Duration::from_millis(400), "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_road_that_falls_silent_holds_everything_until_it_passes() {
    let road = Faults::toward(echo(b'>').await);
    let mut old = connected(&road).await;
    road.fall_silent();
    old.write_all(b"old").await.unwrap();
    nothing_comes(&mut old).await;
    let mut new = connected(&road).await;
    new.write_all(b"new").await.unwrap();
    nothing_comes(&mut new).await;
    road.pass();
    assert_eq!((next(&mut old).await.unwrap(), next(&mut new).await.unwrap()), (">old".to_owned(), ">new".to_owned()));
}

#[tokio::test]
async fn a_road_is_cut_and_refuses_and_leads_elsewhere() {
    let road = Faults::toward(echo(b'>').await);
    let mut stream = connected(&road).await;
    is_carried(&mut stream, '>').await;
    road.cut();
    assert_eq!(next(&mut stream).await, None);
    is_carried(&mut connected(&road).await, '>').await;
    road.refuse();
    until("the road to refuse", async || TcpStream::connect(road.address).await.is_err().then_some(())).await;
    road.pass();
    let mut stream = until("the road to pass", async || TcpStream::connect(road.address).await.ok()).await;
    is_carried(&mut stream, '>').await;
    road.turn_to(echo(b'!').await);
    assert_eq!(next(&mut stream).await, None);
    is_carried(&mut connected(&road).await, '!').await;
}

#[tokio::test]
async fn a_road_is_cut_in_the_middle_of_what_is_said() {
    let road = Faults::toward(echo(b'>').await);
    let mut stream = connected(&road).await;
    road.cut_after(Way::Back, 6);
    stream.write_all(b"one").await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap(), ">one");
    assert!(!road.has_cut());
    stream.write_all(b"two").await.unwrap();
    assert_eq!(next(&mut stream).await.unwrap(), ">t");
    assert_eq!(next(&mut stream).await, None);
    assert!(road.has_cut());
    let mut stream = connected(&road).await;
    road.cut_after(Way::There, 2);
    stream.write_all(b"three").await.unwrap();
    assert!(next(&mut stream).await.is_none_or(|read| read == ">th"));
}

#[tokio::test]
async fn a_redis_keeps_what_it_was_told_to_keep() {
    let mut redis = Redis::plan().lasting().start().await;
    redis.ask(&["SET", "a", "1"]).await.text();
    redis.kill().await;
    assert_eq!(redis.try_to_ask(&["PING"]).await, None);
    redis.start_again(Data::Kept).await;
    assert_eq!(redis.ask(&["GET", "a"]).await.text(), "1");
    redis.kill().await;
    redis.start_again(Data::Lost).await;
    assert_eq!(redis.ask(&["GET", "a"]).await, RedisSaid::Nothing);
    let mut forgetful = Redis::start().await;
    forgetful.ask(&["SET", "a", "1"]).await.text();
    forgetful.kill().await;
    forgetful.start_again(Data::Kept).await;
    assert_eq!(forgetful.ask(&["GET", "a"]).await, RedisSaid::Nothing);
}

#[tokio::test]
async fn a_redis_is_stopped_and_goes_on_with_what_it_was_asked() {
    let redis = Redis::start().await;
    redis.stop();
    let asking = redis.ask(&["INCR", "a"]);
    let (said, ()) = tokio::join!(asking, async {
        assert!(timeout(A_WHILE, redis.ask(&["PING"])).await.is_err());
        redis.go_on();
    });
    assert_eq!(said, RedisSaid::Number(1));
    redis.ask(&["DEBUG", "SLEEP", "0.1"]).await.text();
}

#[tokio::test]
async fn a_redis_follows_another_and_is_watched() {
    let (leader, follower) = (Redis::start().await, Redis::start().await);
    follower.follow(&leader).await;
    let monitor = follower.monitor().await;
    leader.ask(&["SET", "a", "1"]).await.text();
    monitor.reaches("\"a\"").await;
    assert_eq!(monitor.commands("set").len(), 1);
    assert_eq!(monitor.commands("keys"), [""; 0]);
    assert!(matches!(follower.ask(&["SET", "b", "1"]).await, RedisSaid::Error(why) if why.starts_with("READONLY")));
    follower.lead().await;
    follower.ask(&["SET", "b", "1"]).await.text();
    assert_eq!(leader.info("keyspace", "db0").await.split(',').next(), Some("keys=1"));
}

#[tokio::test]
async fn a_redis_wants_a_password_and_speaks_tls() {
    let redis = Redis::plan().password("a-secret").tls().line("maxmemory 8mb").start().await;
    let stranger = Resp::connect(redis.address).await.unwrap().ask(&["PING"]).await;
    assert!(matches!(stranger, Some(RedisSaid::Error(why)) if why.starts_with("NOAUTH")));
    let list = redis.ask(&["CONFIG", "GET", "maxmemory"]).await;
    assert_eq!(list, RedisSaid::List(["maxmemory", "8388608"].map(|word| RedisSaid::Text(word.to_owned())).to_vec()));
    let mut shake = Command::new("openssl");
    shake.args(["s_client", "-verify_return_error", "-connect", &redis.tls.unwrap().to_string(), "-CAfile"]);
    Child::start(shake.arg(redis.ca())).line(|line| line.contains("Verification: OK")).await;
}
