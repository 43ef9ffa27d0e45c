use std::{process::Command, time::Duration};

use futures_util::{SinkExt as _, StreamExt as _};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::{Guarded, closed, from_pypi};
use crate::harness::{Socket, websocket};

/// What a kernel is asked.
fn question() -> String {
    let header =
        json!({ "msg_id": "1", "msg_type": "execute_request", "username": "", "session": "s", "version": "5.3" });
    let content = json!({ "code": "6 * 7", "silent": false, "store_history": false, "allow_stdin": false });
    json!({ "header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell" }).to_string()
}

/// What a kernel has worked out.
async fn result(socket: &mut Socket) -> Value {
    let hearing = async {
        while let Some(message) = socket.next().await {
            let Message::Text(text) = message.unwrap() else { continue };
            let message: Value = serde_json::from_str(&text).unwrap();
            if message["msg_type"] == "execute_result" {
                return message["content"]["data"]["text/plain"].clone();
            }
        }
        panic!("the kernel has gone")
    };
    timeout(Duration::from_mins(1), hearing).await.expect("the kernel works something out")
}

#[tokio::test]
#[ignore = "installs an app: ./tests/run --apps"]
async fn a_kernel_of_jupyterlab_works_until_the_end() {
    let home = from_pypi("jupyterlab==4.6.6");
    let guarded = Guarded::start("jupyterlab", |_, port| {
        let mut command = Command::new(home.join("bin/jupyter"));
        command.args(["lab", "--no-browser", "--allow-root", "--ip=127.0.0.1", "--IdentityProvider.token="]);
        command.args(["--ServerApp.allow_remote_access=True", "--ServerApp.port_retries=0", &format!("--port={port}")]);
        command
    })
    .await;

    let alice = &guarded.alice;
    assert_eq!(alice.visit("/lab").await.status(), 200);
    let cookies = alice.cookie();
    let xsrf = cookies.split("; ").find_map(|cookie| cookie.strip_prefix("_xsrf=")).expect("JupyterLab's cookie");
    let start = alice.request(Method::POST, "/api/kernels").header("X-XSRFToken", xsrf).json(&json!({}));
    let started: Value = start.send().await.unwrap().json().await.unwrap();
    let channels = format!("/api/kernels/{}/channels", started["id"].as_str().unwrap_or_else(|| panic!("{started}")));
    let mut kernel = websocket(guarded.installation.public, &alice.cookie(), &channels).await;
    kernel.send(Message::text(question())).await.unwrap();
    assert_eq!(result(&mut kernel).await, "42");
    guarded.strangers_get_nowhere(&["/lab", "/api/contents", &channels]).await;

    guarded.end_alice().await;
    assert_eq!(closed(kernel).await, Some(1008));
    assert_eq!(alice.status("/api/contents").await, 401);
}
