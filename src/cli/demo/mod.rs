//! `portcullis demo`: a guarded sample app in one command. Nothing is needed, and nothing is kept.

mod sample_app;
mod seed;

use std::{
    collections::BTreeMap,
    net::{Ipv4Addr, SocketAddr, TcpListener},
};

use clap::Args;

use super::{
    CommandError, CommandResult,
    output::{print_error, print_line},
};
use crate::{
    account::{Account, DisplayName, Email, NewUser, Role, UserName},
    audit::Actor,
    config::{Config, RouteAccess, RouteSettings, RouteTimeouts},
    gate::CachePolicy,
    secret::{Password, random_bytes},
    server::{self, App, Components, StartError},
    telemetry,
};

/// Shows a guarded sample app; nothing is needed, and nothing is kept
#[derive(Debug, Args)]
#[command(after_help = "Example: portcullis demo --listen 127.0.0.1:8080")]
pub(super) struct DemoCommand {
    /// Address for visitors [default: 127.0.0.1:8080, or the next port that is free]
    #[arg(long, value_name = "ADDR")]
    listen: Option<SocketAddr>,
    /// Where the sample app listens [default: a free port]
    #[arg(long, value_name = "ADDR")]
    app: Option<SocketAddr>,
}

/// Somebody in the demo.
struct DemoUser {
    account: Account,
    password: String,
}

impl DemoCommand {
    pub(super) fn run(self) -> CommandResult {
        let listen = match self.listen {
            Some(address) => {
                ensure_free(address, "--listen")?;
                address
            }
            None => pick_port(self.app)?,
        };
        let app = match self.app {
            Some(address) => {
                ensure_free(address, "--app")?;
                address
            }
            None => free_port()?,
        };
        let config = demo_config(listen, app)?;
        let style = server::log_options(&config);
        let (address, metrics) = (config.public_url.origin().to_owned(), config.admin.listen);
        let server = App::new(config, None)?.with_listener(app, sample_app::router());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let people =
            runtime.map_err(|why| CommandError::from_error(&why))?.block_on(seed_users(server.components()))?;
        let _log = telemetry::start(style);
        server.run(|| print_banner(&address, metrics, &people)).map_err(|why| {
            let taken = matches!(why, StartError::Listen { .. });
            match CommandError::from(why) {
                // Somebody was faster than we after all.
                CommandError::Failed(told) if taken => {
                    CommandError::Failed(format!("{told}; choose others with --listen and --app"))
                }
                failed => failed,
            }
        })
    }
}

/// The demo's configuration: one app with a public part, a part for administrators, and the rest for whoever is signed in.
fn demo_config(listen: SocketAddr, app: SocketAddr) -> Result<Config, CommandError> {
    let mut config = Config::demo(listen, app);
    let url = format!("http://localhost:{}", listen.port());
    config.public_url = url.parse().map_err(CommandError::Usage)?;
    "Meridian".clone_into(&mut config.branding.pages.app_name);
    // Its box shall stay in sight.
    config.log.access = false;
    let route = |path: &str, access| RouteSettings {
        path: path.to_owned(),
        access,
        upstream: "app".to_owned(),
        counts_as_activity: path != "/clock",
        body_size: None,
        allow_encoded_slash: false,
        keep_double_slash: false,
        allow_semicolon: false,
        allow_encoded_backslash: false,
        allow_encoded_control: false,
        preserve_path: false,
        websocket_origins: Vec::new(),
        cross_site_forms: Vec::new(),
        timeouts: RouteTimeouts::default(),
        caching: CachePolicy::default(),
    };
    config.routes = vec![
        route("/about", RouteAccess::Public),
        route("/admin", RouteAccess::Roles(vec![crate::account::ADMIN.to_owned()])),
        route("/clock", RouteAccess::SignedIn),
        route("/", RouteAccess::SignedIn),
    ];
    let labels = [("/", "Home"), ("/reports", "Reports"), ("/admin", "Administration")];
    config.activity.page_labels = BTreeMap::from(labels.map(|(path, label)| (path.to_owned(), label.to_owned())));
    if TcpListener::bind(config.admin.listen).is_err() {
        config.admin.listen = free_port()?;
    }
    Ok(config)
}

/// Before anything is built: a port that another program has is told with a way out.
fn ensure_free(address: SocketAddr, option: &str) -> CommandResult {
    let Err(why) = TcpListener::bind(address) else { return Ok(()) };
    let other = free_port()?;
    Err(CommandError::Failed(format!(
        "cannot listen on {address}: {why}; choose another address, such as: {option} {other}"
    )))
}

/// The usual port for visitors, or the next one that nobody has.
fn pick_port(app: Option<SocketAddr>) -> Result<SocketAddr, CommandError> {
    let addresses = (8080..8100).map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    let mut free = addresses.filter(|address| Some(*address) != app && TcpListener::bind(address).is_ok());
    free.next().map_or_else(free_port, Ok)
}

fn free_port() -> Result<SocketAddr, CommandError> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|listener| listener.local_addr());
    free.map_err(|why| CommandError::Failed(format!("there is no free port: {why}")))
}

/// Adds the people and what they have done before.
async fn seed_users(parts: &Components) -> Result<[DemoUser; 2], CommandError> {
    let visitor = add_user(parts, "alice", "Alice Liddell", "alice@meridian.example", &["editor"]).await?;
    let administrator =
        add_user(parts, "admin", "Ada Admin", "admin@meridian.example", &[crate::account::ADMIN]).await?;
    seed::seed_history(parts, &visitor.account).await?;
    Ok([visitor, administrator])
}

async fn add_user(
    parts: &Components,
    name: &str,
    shown: &str,
    email: &str,
    roles: &[&str],
) -> Result<DemoUser, CommandError> {
    let wrong = |why: crate::account::NameError| CommandError::from_error(&why);
    let new = NewUser {
        name: UserName::new(name).map_err(wrong)?,
        email: Some(Email::new(email).map_err(wrong)?),
        display_name: Some(DisplayName::new(shown).map_err(wrong)?),
        roles: roles.iter().map(|role| Role::new(role)).collect::<Result<_, _>>().map_err(wrong)?,
    };
    let password = random_password();
    let account = parts.accounts.add(new, Actor::System).await?;
    parts.accounts.set_password(&account, Password::new(password.clone()), Actor::System).await?;
    Ok(DemoUser { account, password })
}

/// A random password that keeps every rule and can be typed: `Kw7m-tq4x-9bnd`.
fn random_password() -> String {
    const LETTERS: &[u8] = b"abcdefghjkmnpqrstuvwxyz";
    const DIGITS: &[u8] = b"23456789";
    let chance = random_bytes::<12>();
    let pick = |from: &[u8], place: usize| char::from(from[usize::from(chance[place]) % from.len()]);
    (0..12).fold(String::new(), |mut typed, place| {
        if place > 0 && place % 4 == 0 {
            typed.push('-');
        }
        typed.push(match place {
            0 => pick(LETTERS, place).to_ascii_uppercase(),
            2 | 6 | 9 => pick(DIGITS, place),
            _ => pick(LETTERS, place),
        });
        typed
    })
}

fn print_banner(address: &str, metrics: SocketAddr, people: &[DemoUser; 2]) {
    let [visitor, administrator] = people;
    let lines = [
        "Portcullis demo".to_owned(),
        String::new(),
        format!("Open            {address}"),
        format!("Your sessions   {address}/security/sessions"),
        String::new(),
        format!("Visitor         {:<8} {}", visitor.account.name, visitor.password),
        format!("Administrator   {:<8} {}", administrator.account.name, administrator.password),
        String::new(),
        format!("Metrics         http://{metrics}/metrics"),
        "Nothing is kept: all of it is gone when you press Ctrl-C.".to_owned(),
    ];
    let width = lines.iter().map(|line| line.chars().count()).max().unwrap_or_default();
    let rule = "─".repeat(width);
    let rows: Vec<String> = lines.iter().map(|line| format!("│ {line:width$} │")).collect();
    // At once, so that no line of the log comes between.
    print_line(&format!("┌─{rule}─┐\n{}\n└─{rule}─┘", rows.join("\n")));
    print_error("Sign in with two browsers, end one from the other, and reload the page there.");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::{PasswordPolicy, PasswordRuleset};

    #[test]
    fn its_passwords_keep_the_rules() {
        let policy = PasswordPolicy { ruleset: PasswordRuleset::Classic, min_length: 8 };
        for _ in 0..50 {
            let typed = random_password();
            assert!(policy.check(Password::new(typed.clone()), &["alice"]).is_ok(), "{typed}");
        }
    }
}
