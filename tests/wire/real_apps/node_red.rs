use std::{fs, process::Command};

use reqwest::Method;
use serde_json::json;

use super::{Guarded, closed, from_npm};
use crate::harness::websocket;

#[tokio::test]
#[ignore = "installs an app: ./tests/run --apps"]
async fn the_editor_of_node_red_is_open_until_the_end() {
    let home = from_npm("node-red@4.1.15");
    let guarded = Guarded::start("node-red", |folder, port| {
        let settings = format!("module.exports = {{ uiHost: \"127.0.0.1\", uiPort: {port} }};\n");
        fs::write(folder.join("settings.js"), settings).unwrap();
        let mut command = Command::new("node");
        command.arg(home.join("node_modules/node-red/red.js")).args(["--userDir", "."]);
        command
    })
    .await;

    let alice = &guarded.alice;
    assert!(alice.get("/").await.text().await.unwrap().contains("Node-RED"));
    let flows = json!([{ "id": "1", "type": "tab", "label": "Tea" }]);
    let deploy = alice.request(Method::POST, "/flows").header("Node-RED-Deployment-Type", "full").json(&flows);
    assert_eq!(deploy.send().await.unwrap().status(), 204);
    assert!(guarded.bob.get("/flows").await.text().await.unwrap().contains("Tea"));
    guarded.strangers_get_nowhere(&["/", "/flows", "/settings", "/comms"]).await;
    // A call from outside reaches the app: no node answers there yet.
    assert_eq!(guarded.installation.person().status("/hooks/tea").await, 404);

    let editor = websocket(guarded.installation.public, &alice.cookie(), "/comms").await;
    guarded.end_alice().await;
    assert_eq!(closed(editor).await, Some(1008));
    assert_eq!(alice.status("/flows").await, 401);
}
