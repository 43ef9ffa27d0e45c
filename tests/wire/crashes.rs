//! `kill -9` while people sign in and sessions are ended: what was acknowledged is there afterwards.

use std::{net::IpAddr, sync::Mutex, time::Duration};

use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{App, Installation, PASSWORD, Person, until};

/// How often it is killed. `PORTCULLIS_TEST_CRASHES` makes it more.
fn rounds() -> u64 {
    std::env::var("PORTCULLIS_TEST_CRASHES").map_or(20, |text| text.parse().unwrap())
}

/// A session, and how far its end had come when the server was killed.
struct Known {
    cookie: String,
    end: End,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    NotAsked,
    Asked,
    Acknowledged,
}

/// Signs in again and again, and ends about every other session, until the server is gone.
async fn busy(house: &Installation, from: IpAddr, known: &Mutex<Vec<Known>>) {
    loop {
        let person = Person::from(from, house.public);
        let credentials = json!({ "username": "alice", "password": PASSWORD });
        let sent = person.request(Method::POST, "/security/api/v1/sign-in").json(&credentials).send().await;
        let Ok(answer) = sent else { return };
        if answer.status() == 503 {
            continue;
        }
        assert_eq!(answer.status(), 200);
        // The cookie is in the head: with it, the sign-in is acknowledged.
        let id = answer.json::<Value>().await.ok().map(|body| body["session"]["id"].as_str().unwrap().to_owned());
        let (cookie, mut end) = (person.cookie(), End::NotAsked);
        let odd = known.lock().unwrap().len() % 2 == 1;
        if let (true, Some(id)) = (odd, id) {
            let sent = person.request(Method::DELETE, &format!("/security/api/v1/sessions/{id}")).send().await;
            end = if sent.is_ok_and(|answer| answer.status() == 204) { End::Acknowledged } else { End::Asked };
        }
        known.lock().unwrap().push(Known { cookie, end });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_is_there() {
    let app = App::ok().await;
    let house = Installation::with(&format!(
        "upstream: http://{}\nsessions: {{ max_per_user: 1000 }}\nlockout: {{ failures: 100, within: 1m }}\n",
        app.address
    ));
    house.user("alice", &[]);
    let (mut lived, mut ended) = (0, 0);
    for round in 0..rounds() {
        let server = house.run().await;
        let known = Mutex::new(Vec::new());
        let kill = async {
            until("some sign-ins", async || (known.lock().unwrap().len() > 3).then_some(())).await;
            // At another moment of what comes next, each time.
            tokio::time::sleep(Duration::from_millis(round * 37 % 200)).await;
            server.kill().await;
        };
        // A try that was cut counts as a failure, and so many of them lock an address out: each round has its own.
        let from = IpAddr::from([127, 0, 1, u8::try_from(round % 250).unwrap() + 1]);
        let busy = || busy(&house, from, &known);
        tokio::join!(busy(), busy(), busy(), kill);
        let server = house.run().await;
        let known = known.into_inner().unwrap();
        for (place, Known { cookie, end }) in known.iter().enumerate() {
            // A browser would have forgotten the cookie of a session that it ended; a thief would not.
            let request = house.person().request(Method::GET, "/x").header("cookie", cookie);
            let status = request.send().await.unwrap().status().as_u16();
            match end {
                End::NotAsked => assert_eq!(status, 200, "round {round}: sign-in {place} is lost"),
                End::Acknowledged => assert_eq!(status, 401, "round {round}: session {place} has come back"),
                End::Asked => assert!(status == 200 || status == 401, "{status}"),
            }
            lived += usize::from(*end == End::NotAsked);
            ended += usize::from(*end == End::Acknowledged);
        }
        let listed = house.cli(&["sessions", "list", "--json"]).json();
        assert!(listed["items"].as_array().unwrap().len() >= lived, "round {round}");
        server.kill().await;
    }
    println!("{lived} sign-ins and {ended} ends were acknowledged in {} rounds", rounds());
    assert!(lived > 20 && ended > 10, "too little was going on: {lived} sign-ins, {ended} ends");
}
