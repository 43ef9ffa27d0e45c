//! Texts that others chose, in every place where a page shows one: they add no element and no attribute, whatever they hold.

use portcullis::{
    account::{DisplayName, Email, NewUser, UserName},
    audit::Actor,
    secret::Password,
};
use scraper::{Html, Node};

use crate::test_app::{Browser, MAC, PASSWORD, StoreFault, TestApp, TestUser};

/// What somebody may write. Each is a place that a page shows.
struct HostileTexts {
    name: &'static str,
    display_name: &'static str,
    /// In a User-Agent.
    model: &'static str,
    /// Of the last page, as it stands in a URL.
    path: &'static str,
    label: &'static str,
    app_name: &'static str,
    links: &'static str,
    /// As a name at the sign-in, and as a way back.
    typed: &'static str,
}

const PLAIN: HostileTexts = HostileTexts {
    name: "alice",
    display_name: "Alice Liddell",
    model: "Pixel",
    path: "/a/quiet/page",
    label: "A page",
    app_name: "Meridian",
    links: "https://example.com/help",
    typed: "bob",
};

const MARKUP: HostileTexts = HostileTexts {
    name: "<img src=x onerror=hit()>\"'`=",
    display_name: "</bdi></p></div><script>hit()</script><svg onload='hit()'>\" autofocus onfocus=\"hit()",
    model: "<u onclick=hit()>\"'<!--",
    path: "/%3C/title%3E%3Cscript%3Ehit()%3C/script%3E%22'--%3E",
    label: "</dd></dl><iframe src=javascript:hit()>\"' onx=\"",
    app_name: "</title></bdi><script>hit()</script>\"'<style>*{}</style>",
    links: "https://example.com/'onmouseover='hit()'#'&quot;onclick=&quot;hit()",
    typed: "\"><script>hit()</script><textarea>'/><base href=//evil.test>",
};

const TRICKS: HostileTexts = HostileTexts {
    name: "{{7*7}} ${7*7} <%= 7*7 %> &lt;script&gt;",
    // What turns a line around can be in no name, but what joins letters can.
    display_name: "&#x202e;nimda\u{200d}\u{200c}\u{301}\u{301}%E2%80%AE]]>",
    model: "&#60script&#62&lt{% raw %}",
    path: "/%E2%80%AEnimda%EF%BF%BC",
    label: "]]></p><![CDATA[<script>",
    app_name: "&lt;b&gt;{{ app }} {$app} <?php",
    links: "https://example.com/?a&b=&quot;&lt;b&#34;{{x}}",
    typed: "\u{202e}nimda\u{200b}&quot;&#62;",
};

/// Elements in their order, each with its attributes.
type HtmlShape = Vec<String>;

fn html_shape(html: &str) -> HtmlShape {
    let document = Html::parse_document(html);
    let elements = document.tree.values().filter_map(Node::as_element);
    let shape = |element: &scraper::node::Element| {
        let mut names: Vec<_> = element.attrs().map(|(name, _)| name).collect();
        names.sort_unstable();
        format!("{} {}", element.name(), names.join(" "))
    };
    elements.map(shape).collect()
}

/// Nobody's link leads to a script, and none but the operator's leads elsewhere.
fn assert_no_new_links(page: &str, html: &str, texts: &HostileTexts) {
    for element in Html::parse_document(html).tree.values().filter_map(Node::as_element) {
        for (name, value) in element.attrs() {
            assert!(!name.starts_with("on") && !matches!(name, "style" | "srcdoc"), "{page}: {name}");
            if matches!(name, "href" | "src" | "action" | "formaction") {
                let own = value.starts_with('/') && !value.starts_with("//")
                    || value.starts_with('#')
                    || matches!(value, "" | "data:,");
                assert!(own || value == texts.links, "{page}: {name} leads to {value}");
            }
        }
    }
}

/// A town in which everything that can be called something is called so, and its pages by name.
async fn render_pages(texts: &HostileTexts) -> Vec<(String, String)> {
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    let app = TestApp::with_settings(&format!(
        "branding: {{ app_name: {}, support_url: {}, home_url: {} }}\nactivity: {{ page_labels: {{ {}: {} }} }}\n",
        quoted(texts.app_name),
        quoted(texts.links),
        quoted(texts.links),
        quoted("/labelled"),
        quoted(texts.label),
    ));
    let new = NewUser {
        name: UserName::new(texts.name).unwrap(),
        email: Some(Email::new("alice@example.com").unwrap()),
        display_name: Some(DisplayName::new(texts.display_name).unwrap()),
        roles: Vec::new(),
    };
    let account = app.components.accounts.add(new, Actor::Operator).await.unwrap();
    app.components.accounts.set_password(&account, Password::new(PASSWORD.to_owned()), Actor::Operator).await.unwrap();
    let alice = TestUser { app: &app, account };
    let agent = format!(
        "Mozilla/5.0 (Linux; Android 14; {} Build/X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile \
         Safari/537.36",
        texts.model
    );
    let other = alice.signed_in_on(&agent).await;
    let labelled = alice.signed_in_on(&agent).await;
    other.get(texts.path).await;
    labelled.get("/labelled").await;
    app.flush().await;
    let browser = alice.signed_in_on(MAC).await;
    browser.get(texts.path).await;
    app.flush().await;

    let mut pages = Vec::new();
    let mut keep = |name: &str, html: &str| pages.push((name.to_owned(), html.to_owned()));
    let failed = app.new_browser().sign_in(texts.name, "wrong").await;
    keep("a failed sign-in of somebody", failed.text());
    let anonymous = app.new_browser();
    let typed = [("username", texts.typed), ("password", "wrong"), ("rd", texts.typed)];
    keep("a failed sign-in of nobody", anonymous.post_form("/security/sign-in", &typed).await.response().text());
    keep("a sign-in without a password", anonymous.post_form("/security/sign-in", &typed[..1]).await.response().text());
    let encoded = percent_encoding::utf8_percent_encode(texts.path, percent_encoding::NON_ALPHANUMERIC);
    let rd = format!("/security/sign-in?rd={encoded}");
    keep("sign-in and back", anonymous.get(&rd).await.response().text());
    for (session, place) in [(&other, "elsewhere"), (&labelled, "labelled"), (&browser, "here")] {
        let details = format!("/security/sessions/{}", session.session_id());
        keep(&format!("details, {place}"), browser.get(&details).await.response().text());
        keep(&format!("ask, {place}"), browser.get(&format!("{details}/sign-out")).await.response().text());
    }
    for page in [
        "/security",
        "/security/sessions",
        "/security/sessions/sign-out-others",
        "/security/sessions/sign-out-all",
        "/security/history",
        "/security/password",
        "/security/sign-out",
        "/security/signed-out",
        "/security/nowhere",
    ] {
        keep(page, browser.get(page).await.response().text());
    }
    keep("a refusal", browser.get("/admin").await.response().text());
    let (link, _) = app.components.accounts.create_link(alice.id(), Actor::Operator).await.unwrap();
    let link = format!("/security/set-password?token={}", link.expose());
    keep("a one-time link", anonymous.get(&link).await.response().text());
    keep("a link that is none", anonymous.get("/security/set-password?token=x").await.response().text());
    let change = [("current_password", "wrong"), ("new_password", "x"), ("new_password_again", texts.typed)];
    keep("a password that is none", browser.post_form("/security/password", &change).await.response().text());
    collect_end_pages(&browser, &other, &mut keep).await;
    app.set_fault(StoreFault::Unavailable);
    keep("an outage", browser.get("/").await.response().text());
    pages
}

/// One ends another, is told so, and the other one is told why.
async fn collect_end_pages(browser: &Browser<'_>, other: &Browser<'_>, keep: &mut impl FnMut(&str, &str)) {
    let path = format!("/security/sessions/{}/sign-out", other.session_id());
    assert_eq!(browser.post_form(&path, &[]).await.response().status, 303);
    keep("what was done", browser.get("/security/sessions").await.response().text());
    let sent_away = other.get("/x").await.response().location().to_owned();
    keep("why signed out", other.get(&sent_away).await.response().text());
}

#[tokio::test]
async fn hostile_texts_add_nothing_to_any_page() {
    let plain = render_pages(&PLAIN).await;
    for texts in [&MARKUP, &TRICKS] {
        let hostile = render_pages(texts).await;
        assert_eq!(plain.len(), hostile.len());
        for ((page, plain), (_, hostile)) in plain.iter().zip(&hostile) {
            assert_eq!(html_shape(plain), html_shape(hostile), "{page}: {hostile}");
            assert_no_new_links(page, hostile, texts);
            // Isolates of ours are whole, and there is no other trick.
            let left = hostile.replace(['\u{2068}', '\u{2069}'], "");
            assert!(
                !left.contains(|c: char| portcullis::account::is_invisible(c) && !portcullis::account::is_joiner(c)),
                "{page}: {hostile:?}"
            );
            assert!(!left.contains(|c: char| c.is_control() && c != '\n'), "{page}: {hostile:?}");
            assert_eq!(hostile.matches('\u{2068}').count(), hostile.matches('\u{2069}').count(), "{page}");
        }
    }
}

#[tokio::test]
async fn hostile_texts_are_shown_all_the_same() {
    let hostile = render_pages(&MARKUP).await;
    let page = |name: &str| &hostile.iter().find(|(page, _)| page == name).unwrap().1;
    for (name, text) in [
        ("details, elsewhere", MARKUP.model),
        ("/security", MARKUP.display_name),
        ("/security", MARKUP.app_name),
        ("a failed sign-in of nobody", MARKUP.typed),
    ] {
        let document = Html::parse_document(page(name));
        let texts = document.root_element().text().any(|it| it.contains(text));
        let values = document.tree.values().filter_map(Node::as_element).flat_map(scraper::node::Element::attrs);
        assert!(texts || values.map(|(_, value)| value).any(|value| value == text), "{name} does not show {text}");
    }
}
