//! The first configuration of a new installation.

use std::net::SocketAddr;

use crate::public_url::PublicUrl;

/// What the first configuration says.
#[derive(Debug)]
pub struct StarterConfig<'a> {
    /// What visitors type: scheme, host and port.
    pub public_url: &'a str,
    /// Where the app listens.
    pub app_url: &'a str,
    /// Where Portcullis listens; none leaves it to `public_url`, which must be a loopback one.
    pub listen: Option<SocketAddr>,
    /// Where metrics and health checks are served.
    pub admin_listen: SocketAddr,
    /// The file of sessions and accounts.
    pub store: &'a str,
    /// What the pages call the app; else the host of `public_url`.
    pub name: Option<&'a str>,
}

impl StarterConfig<'_> {
    /// The text of a short commented configuration for one app. The secret is expected in `portcullis.secret` beside it.
    #[must_use]
    pub fn to_yaml(&self) -> String {
        render_yaml(self)
    }
}

fn render_yaml(starter: &StarterConfig<'_>) -> String {
    let StarterConfig { public_url, app_url, listen, admin_listen, store, name } = *starter;
    let public_url = public_url.trim_end_matches('/');
    let admin_listen = yaml_scalar(admin_listen);
    let listen = match listen.map(yaml_scalar) {
        Some(address) if public_url.starts_with("https://") => format!(
            "\n# Where Portcullis listens, in plain HTTP: put what ends TLS in front of it, on this machine.\nlisten: {address}\n\
             # Once that appends to X-Forwarded-For, or sets it: then the addresses of visitors are known.\n\
             # trusted_proxies: [127.0.0.1/32]\n\
             # Or without anything in front, instead of listen and trusted_proxies above:\n\
             # listen: 0.0.0.0:443\n\
             # tls: {{ certificate_file: fullchain.pem, key_file: privkey.pem, redirect_from: 0.0.0.0:80 }}\n"
        ),
        Some(address) => format!("\n# Where Portcullis listens.\nlisten: {address}\n"),
        None => String::new(),
    };
    // Cookies know no ports: what else is installed on this host shall not sign anybody out.
    let cookie_name = match public_url.parse::<PublicUrl>() {
        Ok(url) if url.authority() != url.host().as_str() => {
            format!(
                "  cookie_name: portcullis-{}   # apart from what else is on this host: cookies know no ports\n",
                url.port()
            )
        }
        _ => String::new(),
    };
    let branding = match name {
        // In quotes, and with nothing in it that would be filled in.
        Some(name) => format!("branding:\n  app_name: {}\n", serde_json::Value::from(name.replace("${", "$${"))),
        None => "# branding:\n#   app_name: My app\n".to_owned(),
    };
    format!(
        "\
# Portcullis. Check this file with: portcullis config check
# All keys, with their defaults and what they do: docs/configuration.md

# What visitors type. Plain http works on this machine only.
public_url: {public_url}
{listen}
# Your app. Everything in it is for signed-in visitors.
upstream: {app_url}

# Where sessions and accounts are kept.
store: file:{store}

# What keys are made from: keep it secret, and keep it.
secret_file: portcullis.secret

# How long visitors stay signed in.
sessions:
  idle_timeout: 7d        # without a click; or 1d, 30d, never
  remember_me:
    allowed: true         # the box \"Keep me signed in\"
    for: 30d
{cookie_name}
# Metrics and health checks, never for visitors.
admin:
  listen: {admin_listen}

# What the pages call your app; else the host of public_url.
{branding}"
    )
}

/// An address in YAML: one of IPv6 in quotes, since it begins with a bracket, as a list does.
fn yaml_scalar(address: SocketAddr) -> String {
    if address.is_ipv6() { format!("\"{address}\"") } else { address.to_string() }
}
