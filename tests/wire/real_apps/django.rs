use std::{fs, path::Path, process::Command};

use reqwest::Method;

use super::{Guarded, from_pypi, run};

const URLS: &str = r#"
from django.contrib import admin
from django.http import HttpResponse
from django.middleware.csrf import get_token
from django.urls import path


def who(request):
    if request.method == "POST":
        return HttpResponse("posted by " + request.user.username)
    return HttpResponse(request.user.username + " " + get_token(request))


urlpatterns = [path("admin/", admin.site.urls), path("who", who)]
"#;

/// The blocks of the page that belong to the app, in their order: remote.py and settings.py.
fn python() -> Vec<String> {
    let page = fs::read_to_string(super::repository("docs/apps/django.md")).unwrap();
    let blocks = page.split("```python\n").skip(1);
    blocks.map(|block| block.split_once("```").unwrap().0.to_owned()).collect()
}

fn project(home: &Path, folder: &Path) {
    let admin = home.join("bin/django-admin");
    run(Command::new(admin).args(["startproject", "site1", "."]).current_dir(folder));
    let site = folder.join("site1");
    let blocks = python();
    fs::write(site.join("remote.py"), &blocks[0]).unwrap();
    fs::write(site.join("urls.py"), URLS).unwrap();
    let settings = fs::read_to_string(site.join("settings.py")).unwrap();
    let below = "'django.contrib.auth.middleware.AuthenticationMiddleware',\n";
    assert!(settings.contains(below) && blocks[1].contains("\"site1.remote.RemoteUser\""));
    let settings = settings.replace(below, &format!("{below}    \"site1.remote.RemoteUser\",\n"));
    let (_, rest) = blocks[1].split_once("]\n").unwrap();
    let rest = rest.replace("shop.example.com", "127.0.0.1");
    fs::write(site.join("settings.py"), format!("{settings}\n{rest}")).unwrap();
    run(Command::new(home.join("bin/python")).args(["manage.py", "migrate", "--verbosity", "0"]).current_dir(folder));
}

#[tokio::test]
#[ignore = "installs an app: ./tests/run --apps"]
async fn django_follows_who_is_signed_in() {
    let home = from_pypi("django==5.2.19");
    let guarded = Guarded::start("django", |folder, port| {
        project(&home, folder);
        let mut command = Command::new(home.join("bin/python"));
        command.args(["manage.py", "runserver", "--noreload", &format!("127.0.0.1:{port}")]);
        command
    })
    .await;

    let (alice, bob) = (&guarded.alice, &guarded.bob);
    let said = alice.get("/who").await.text().await.unwrap();
    let (name, token) = said.split_once(' ').unwrap();
    assert_eq!(name, "alice");
    assert!(bob.get("/who").await.text().await.unwrap().starts_with("bob "));
    // Its own check of where a form comes from sees the origin that visitors see.
    let form = alice.request(Method::POST, "/who").header("X-CSRFToken", token);
    let origin = format!("http://{}", guarded.installation.public);
    assert_eq!(form.header("Origin", origin).send().await.unwrap().text().await.unwrap(), "posted by alice");
    guarded.strangers_get_nowhere(&["/who", "/admin/"]).await;

    guarded.end_alice().await;
    assert_eq!(alice.status("/who").await, 401);
}
