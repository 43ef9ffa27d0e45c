//! Uploads and downloads that nobody should hold in memory. `PORTCULLIS_TEST_LARGE_MB` makes them larger.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use reqwest::{Body, Method};

use crate::{apps::nginx, harness::Installation};

const PART: usize = 64 * 1024;
/// Most that the server may grow by, in KiB: a few buffers for each connection, and what the allocator keeps.
const GROWTH: usize = 48 * 1024;

fn parts() -> usize {
    let megabytes: usize = std::env::var("PORTCULLIS_TEST_LARGE_MB").map_or(256, |text| text.parse().unwrap());
    megabytes * 1024 * 1024 / PART
}

/// Each part is another byte, so that a lost or a swapped part is seen.
fn part(number: usize) -> Bytes {
    vec![u8::try_from(number % 251).unwrap(); PART].into()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_up_and_comes_down_as_it_was() {
    let folder = tempfile::tempdir().unwrap();
    let (_nginx, app) = nginx(folder.path()).await;
    let house = Installation::before(app);
    house.user("alice", &[]);
    let server = house.run().await;
    let alice = house.signed_in("alice").await;
    let before = server.child.peak_memory();

    let body = Body::wrap_stream(stream::iter((0..parts()).map(|number| Ok::<_, std::io::Error>(part(number)))));
    let upload = alice.request(Method::PUT, "/uploads/large").header("content-length", parts() * PART).body(body);
    assert_eq!(upload.send().await.unwrap().status(), 201);
    let stored = std::fs::metadata(folder.path().join("files/uploads/large")).unwrap().len();
    assert_eq!(stored, (parts() * PART) as u64);

    let mut download = alice.get("/uploads/large").await.bytes_stream();
    let mut place = 0;
    while let Some(piece) = download.next().await {
        let mut piece = piece.unwrap();
        while !piece.is_empty() {
            let rest = PART - place % PART;
            let one = piece.split_to(rest.min(piece.len()));
            assert_eq!(one, part(place / PART)[..one.len()], "at {place}");
            place += one.len();
        }
    }
    assert_eq!(place, parts() * PART);
    let grown = server.child.peak_memory() - before;
    println!("{} MB up and down; the server grew by {grown} KiB from {before} KiB", parts() * PART / 1024 / 1024);
    assert!(grown < GROWTH, "the server grew by {grown} KiB from {before} KiB");
}
