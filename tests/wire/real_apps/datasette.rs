use std::{fs, process::Command};

use super::{Guarded, from_pypi, run};

#[tokio::test]
#[ignore = "installs an app: ./tests/run --apps"]
async fn datasette_has_an_actor() {
    let home = from_pypi("datasette==0.65.5");
    let guarded = Guarded::start("datasette", |folder, port| {
        let page = fs::read_to_string(super::repository("docs/apps/datasette.md")).unwrap();
        let plugin = page.split_once("```python\n").unwrap().1.split_once("```").unwrap().0.to_owned();
        fs::create_dir(folder.join("plugins")).unwrap();
        fs::write(folder.join("plugins/remote_user.py"), plugin).unwrap();
        let make = "import sqlite3; c = sqlite3.connect('data.db'); c.execute('create table tea (name)'); c.commit()";
        run(Command::new(home.join("bin/python")).args(["-c", make]).current_dir(folder));
        let mut command = Command::new(home.join("bin/datasette"));
        command.args(["data.db", "--host", "127.0.0.1", "--port", &port.to_string(), "--plugins-dir", "plugins"]);
        command
    })
    .await;

    let (alice, bob) = (&guarded.alice, &guarded.bob);
    assert_eq!(alice.get("/-/actor.json").await.text().await.unwrap(), r#"{"actor": {"id": "alice"}}"#);
    assert_eq!(bob.get("/-/actor.json").await.text().await.unwrap(), r#"{"actor": {"id": "bob"}}"#);
    assert!(alice.get("/data/tea").await.text().await.unwrap().contains("tea"));
    guarded.strangers_get_nowhere(&["/", "/data/tea.json", "/-/actor.json"]).await;

    guarded.end_alice().await;
    assert_eq!(alice.status("/data/tea").await, 401);
    assert_eq!(bob.status("/data/tea").await, 200);
}
