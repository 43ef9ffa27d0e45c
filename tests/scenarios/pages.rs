//! Every page, with every sample, in every language: complete, well-formed, inert, small.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write as _,
    path::Path,
};

use flate2::{Compression, write::GzEncoder};
use portcullis::web::{
    i18n::Localizer,
    pages::samples::{self, Sample},
    theme,
};

const VOID_ELEMENTS: [&str; 5] = ["meta", "link", "input", "br", "img"];

#[test]
fn pages_are_well_formed() {
    for Sample { name, html } in samples::all() {
        let mut open = Vec::new();
        let mut ids = BTreeSet::new();
        for tag in tags(&html) {
            if let Some(id) = tag.attribute("id") {
                assert!(ids.insert(id.to_owned()), "{name}: id {id} twice");
            }
            if tag.closes {
                assert_eq!(open.pop(), Some(tag.name.clone()), "{name}: </{}>", tag.name);
            } else if !VOID_ELEMENTS.contains(&tag.name.as_str()) && !tag.text.ends_with('/') {
                open.push(tag.name.clone());
            }
        }
        assert!(open.is_empty(), "{name}: left open: {open:?}");
        for tag in tags(&html) {
            for (attribute, target) in
                [("for", "for"), ("aria-controls", "controls"), ("aria-labelledby", "labelledby")]
            {
                if let Some(id) = tag.attribute(attribute) {
                    assert!(ids.contains(id), "{name}: {target} {id} leads nowhere");
                }
            }
            if let Some(id) = tag.attribute("href").and_then(|href| href.strip_prefix('#')) {
                assert!(ids.contains(id), "{name}: #{id} leads nowhere");
            }
        }
    }
}

#[test]
fn pages_can_be_used_by_everybody() {
    for Sample { name, html } in samples::all() {
        assert_eq!(html.matches("<h1").count(), 1, "{name}: one main heading");
        assert!(html.contains("<main id=\"main\""), "{name}");
        assert!(html.contains("name=\"viewport\""), "{name}");
        let lang = name.rsplit_once('.').expect("a language").1;
        assert!(html.contains(&format!("<html lang=\"{lang}\" dir=\"")), "{name}");
        let title = html.split_once("<title>").and_then(|(_, rest)| rest.split_once("</title>")).expect("a title").0;
        assert!(title.len() > " · Meridian".len(), "{name}: {title}");
        let labels: BTreeSet<_> = tags(&html).filter_map(|tag| tag.attribute("for").map(str::to_owned)).collect();
        for input in tags(&html).filter(|tag| tag.name == "input" && tag.attribute("type") != Some("hidden")) {
            let labelled = input.attribute("id").is_some_and(|id| labels.contains(id))
                || input.attribute("aria-label").is_some()
                || input.attribute("type") == Some("checkbox") && html.contains("<label class=\"check\"><input");
            assert!(labelled, "{name}: {} has no label", input.text);
        }
    }
}

#[test]
fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    for Sample { name, html } in samples::all() {
        for tag in tags(&html) {
            for (attribute, value) in &tag.attributes {
                assert!(!attribute.starts_with("on") && attribute != "style", "{name}: {}", tag.text);
                assert!(!value.starts_with("javascript:"), "{name}: {}", tag.text);
                if matches!(attribute.as_str(), "src" | "action") || tag.name == "link" && attribute == "href" {
                    // A form of another site is sent on to where it was going.
                    let is_sent_on = name.starts_with("cross-site-form") && value.starts_with("/shop/payment/return?");
                    let is_ours = value.starts_with("/security") || value == "data:,";
                    assert!(is_ours || is_sent_on, "{name}: {value}");
                }
            }
            assert_ne!(tag.name, "style", "{name}");
        }
        // On the page that any site may frame nothing runs.
        let scripts = usize::from(!name.starts_with("framed."));
        assert_eq!(html.matches("<script").count(), scripts, "{name}");
        assert_eq!(html.matches("<script src=\"/security/assets/").count(), scripts, "{name}");
    }
    assert!(!stylesheet().contains("url(") && !stylesheet().contains("@import"));
    assert!(!script().contains("innerHTML") && !script().contains("eval("));
}

#[test]
fn what_came_from_outside_stays_text() {
    let hostile: Vec<_> =
        samples::all().into_iter().filter(|it| it.name.contains("odd") || it.name.contains("hostile")).collect();
    assert!(!hostile.is_empty());
    for Sample { name, html } in hostile {
        for markup in ["<script>alert", "<b>1</b>", "<i>OS</i>", "<u>model", "<b>label", "\u{202e}"] {
            assert!(!html.contains(markup), "{name}: {markup}");
        }
        assert!(html.contains("alert(1)"), "{name}: shown all the same");
    }
}

#[test]
fn destructive_acts_are_posts_of_one_form() {
    for Sample { name, html } in samples::all() {
        for form in tags(&html).filter(|tag| tag.name == "form" && !tag.closes) {
            assert_eq!(form.attribute("method"), Some("post"), "{name}");
        }
        if name.starts_with("confirm-") {
            assert_eq!(html.matches("data-confirm").count(), 1, "{name}");
            let question = html.split_once("data-confirm").expect("a question").1;
            let question = question.split_once("</section>").expect("its end").0;
            assert_eq!(question.matches("<form").count(), 1, "{name}");
            assert_eq!(question.matches("data-cancel").count(), 1, "{name}");
        }
    }
}

#[test]
fn no_page_with_a_password_field_denies_that_it_asks_for_one() {
    let mut asking = 0;
    for Sample { name, html } in samples::all().into_iter().filter(|sample| sample.html.contains("type=\"password\"")) {
        let text = visible_text(&html);
        assert!(!text.contains("password here"), "{name}");
        asking += usize::from(text.contains("Nobody will ever ask you for your password by e-mail or phone."));
    }
    assert!(asking >= 2, "{asking}");
}

#[test]
fn advice_to_the_worried_has_one_order() {
    let mut advising = 0;
    for Sample { name, html } in samples::all().into_iter().filter(|sample| sample.html.contains("class=\"advice\"")) {
        let advice = html.split_once("class=\"advice\"").unwrap().1.split_once("</section>").unwrap().0;
        let password = advice.find("href=\"/security/password\"").unwrap_or_else(|| panic!("{name}"));
        let sign_out = advice.to_lowercase().find("sign it out").or_else(|| advice.find("href=\"/security/sessions\""));
        assert!(password < sign_out.unwrap_or_else(|| panic!("{name}")), "{name}: the password first");
        advising += 1;
    }
    assert!(advising >= 3, "{advising}");
    let asks = samples::all().into_iter().find(|sample| sample.name == "confirm-others.en").expect("a sample");
    assert!(visible_text(&asks.html).contains("If someone else may know it, change it first."));
}

#[test]
fn plurals() {
    let words = Localizer::for_language(None);
    let say = |key, count: u64| words.text_with(key, &[("count", count.into())]);
    assert_eq!(say("sessions-end-others", 1), "Sign out 1 other session");
    assert_eq!(say("sessions-end-others", 2), "Sign out 2 other sessions");
    assert_eq!(say("confirm-button", 1), "Sign out 1 session");
    let failed = [("count", 2_u64.into()), ("number", words.number(2).into())];
    assert_eq!(words.text_with("hub-failed", &failed), "2 failed attempts in the last 30 days");
    assert_eq!(words.number(1_234), "1,234");
}

#[test]
fn words_of_the_contract_stand_on_their_pages() {
    let page = |name: &str| {
        let sample = samples::all().into_iter().find(|it| it.name == format!("{name}.en")).expect("a sample");
        visible_text(&sample.html)
    };
    for (name, said) in [
        ("sessions", "Sign out 4 other sessions"),
        ("sessions", "Active now"),
        ("sessions", "signed in 11 days ago"),
        ("sessions", "signs out in 7 days if not used"),
        ("sessions-flash", "Only this device is signed in."),
        ("sessions-flash", "Signed out 3 sessions."),
        ("history-empty", "No sign-ins recorded yet."),
        ("sign-in-locked", "Too many attempts. Try again at 12:59 UTC (in 29 minutes)."),
        ("sign-in-why-idle", "because this session had not been used for 7 days."),
        ("sign-in-why-idle-long", "because this session had not been used for a long time."),
        (
            "sign-in-why-device",
            "because this session was ended from Chrome on macOS, 4 minutes ago. Not you? Sign in and change your password.",
        ),
        ("confirm-others-many", "and 3 more"),
        ("confirm-others", "This session stays signed in."),
        ("confirm-this", "This is the session that you are using right now."),
        ("error-app-away", "Meridian cannot be reached"),
        ("error-store-away", "You have not been signed out by this. Try again in a moment."),
        ("error-store-away-nobody", "We can’t check sessions right now"),
        ("hub-many-failed", "3 or more failed attempts in the last 30 days"),
        ("session-this", "macOS Sonoma"),
        ("session-this", "1,234"),
        ("sign-in", "Keep me signed in on this device for 30 days"),
        ("sessions", "Signing a session out revokes (terminates) it at once"),
        ("sessions", "Details"),
        ("session", "Requests that changed something"),
        ("session", "Don’t know this session?"),
        ("sign-in", "Forgot your password? Get help"),
        ("signed-out-everywhere", "Signed out 4 sessions."),
        ("password-changed", "Your password was changed. 2 other sessions are still signed in. Review them"),
        ("set-password", "Choose a password for Meridian"),
        ("set-password-weak", "Not yet: at least 8 characters"),
        ("history", "Many failed attempts and then a success"),
    ] {
        let text = page(name);
        assert!(text.contains(said), "{name} does not say {said:?}:\n{text}");
    }
    assert!(!page("error-store-away-nobody").contains("signed out by this"));
    assert!(!page("sign-in-no-remember").contains("Keep me signed in"));
    assert!(page("sessions").find("This device") < page("sessions").find("Safari on iPhone"), "the current one first");
}

#[test]
fn pages_are_small() {
    assert!(stylesheet().len() <= 14 * 1024, "style sheet: {}", stylesheet().len());
    assert!(script().len() <= 8 * 1024, "script: {}", script().len());
    for Sample { name, html } in samples::all() {
        let whole = [gzip_size(&html), gzip_size(&stylesheet()), gzip_size(&script())].iter().sum::<usize>();
        assert!(whole < 14 * 1024, "{name}: {whole}");
    }
}

#[test]
fn the_style_sheet_knows_no_left_and_right() {
    let sheet = stylesheet();
    for physical in ["left:", "right:", "-left", "-right", "width:", "height:", "text-align:left", "text-align:right"] {
        let outside_queries = sheet.replace("max-width:", "").replace("line-height:", "").replace("stroke-width:", "");
        assert!(!outside_queries.contains(physical), "{physical}");
    }
}

#[test]
fn every_text_is_there_and_used_in_each_language() {
    let mut sources = String::new();
    read_all(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src/web")), &mut sources);
    let asked: BTreeSet<&str> = [
        "text(\"",
        "text_with_app(\"",
        "text_with(\"",
        "split_at_arg(\"",
        "text_with_time(\"",
        "time_ago(\"",
        "time_until(\"",
    ]
    .iter()
    .flat_map(|call| sources.split(call).skip(1))
    .filter_map(|rest| rest.split('"').next())
    .collect();
    let english = text_arguments("en");
    for words in Localizer::all() {
        let texts = text_arguments(words.lang());
        for key in &asked {
            assert!(words.has_message(key), "{}: no text {key}", words.lang());
        }
        for key in texts.keys() {
            assert!(sources.contains(&format!("\"{key}\"")), "{}: nobody says {key}", words.lang());
        }
        assert_eq!(texts, english, "{}: the same texts with the same arguments", words.lang());
    }
}

/// Writes every sample to `$PAGES_OUT`, to look at: `PAGES_OUT=/tmp/pages cargo test --test scenarios -- --ignored write_samples`.
#[test]
#[ignore = "for people who want to look at the pages"]
fn write_samples() {
    let out = std::env::var("PAGES_OUT").expect("PAGES_OUT says where to");
    fs::create_dir_all(&out).unwrap();
    for Sample { name, html } in samples::all() {
        let html = html.replace(&theme::urls().css, "portcullis.css").replace(&theme::urls().js, "portcullis.js");
        fs::write(Path::new(&out).join(format!("{name}.html")), html).unwrap();
    }
    fs::write(Path::new(&out).join("portcullis.css"), stylesheet()).unwrap();
    fs::write(Path::new(&out).join("portcullis.js"), script()).unwrap();
}

/// Each text's key and the names of its arguments.
fn text_arguments(language: &str) -> BTreeMap<String, BTreeSet<String>> {
    let file = format!("{}/src/web/i18n/texts/{language}.ftl", env!("CARGO_MANIFEST_DIR"));
    let mut texts = BTreeMap::<String, BTreeSet<String>>::new();
    let mut last = String::new();
    for line in fs::read_to_string(file).expect("the texts").lines() {
        if let Some((key, _)) = line.split_once(" =").filter(|_| line.starts_with(|c: char| c.is_ascii_lowercase())) {
            key.clone_into(&mut last);
            texts.entry(last.clone()).or_default();
        }
        for name in line.split('$').skip(1).filter(|_| !line.starts_with('#') && !last.is_empty()) {
            let name: String = name.chars().take_while(char::is_ascii_alphanumeric).collect();
            if !name.is_empty() {
                texts.entry(last.clone()).or_default().insert(name);
            }
        }
    }
    texts
}

fn read_all(folder: &Path, into: &mut String) {
    for entry in fs::read_dir(folder).expect("our sources") {
        let path = entry.expect("our sources").path();
        if path.is_dir() {
            read_all(&path, into);
        } else if path.extension().is_some_and(|it| it == "rs" || it == "html") {
            into.push_str(&fs::read_to_string(path).expect("our sources"));
        }
    }
}

fn stylesheet() -> String {
    String::from_utf8(theme::asset(&theme::urls().css).expect("a sheet").bytes).expect("text")
}

fn script() -> String {
    String::from_utf8(theme::asset(&theme::urls().js).expect("a script").bytes).expect("text")
}

fn gzip_size(text: &str) -> usize {
    let mut zip = GzEncoder::new(Vec::new(), Compression::default());
    zip.write_all(text.as_bytes()).expect("memory");
    zip.finish().expect("memory").len()
}

/// What a reader sees: no tags, single spaces.
fn visible_text(html: &str) -> String {
    let text: String = html.split('<').filter_map(|part| part.split_once('>').map(|(_, text)| text)).collect();
    text.replace("&#39;", "'").split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A tag, as written.
struct HtmlTag {
    name: String,
    closes: bool,
    attributes: Vec<(String, String)>,
    text: String,
}

impl HtmlTag {
    fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(it, _)| it == name).map(|(_, value)| value.as_str())
    }
}

/// Enough of a parser for pages whose text holds no `<` and no `>`.
fn tags(html: &str) -> impl Iterator<Item = HtmlTag> + '_ {
    html.split('<').skip(1).filter(|part| !part.starts_with('!')).map(|part| {
        let text = part.split_once('>').expect("a tag ends").0;
        let closes = text.starts_with('/');
        let text = text.trim_start_matches('/');
        let (name, rest) = text.split_once(char::is_whitespace).unwrap_or((text, ""));
        let mut attributes = Vec::new();
        let mut rest = rest.trim();
        while !rest.is_empty() {
            let end = rest.find(['=', ' ', '\n']).unwrap_or(rest.len());
            let (name, after) = rest.split_at(end);
            if let Some(quoted) = after.strip_prefix("=\"") {
                let (value, after) = quoted.split_once('"').expect("a value ends");
                attributes.push((name.to_owned(), value.to_owned()));
                rest = after.trim_start();
            } else {
                if name != "/" {
                    attributes.push((name.to_owned(), String::new()));
                }
                rest = after.trim_start_matches(['=', ' ', '\n']);
            }
        }
        HtmlTag { name: name.trim_end_matches('/').to_owned(), closes, attributes, text: text.to_owned() }
    })
}
