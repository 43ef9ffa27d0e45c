//! The first configuration of a new installation.

/// The text of a short commented configuration for one app. `public_url` is what visitors type, `app_url` where the app
/// listens, `store` the file of sessions and accounts, `name` what the pages call the app; the secret is expected in
/// `portcullis.secret` beside it.
#[must_use]
pub fn starter(public_url: &str, app_url: &str, store: &str, name: Option<&str>) -> String {
    let public_url = public_url.trim_end_matches('/');
    let listen = if public_url.starts_with("https://") {
        "\n# Where Portcullis listens, in plain HTTP: put what ends TLS in front of it, on this machine.\nlisten: 127.0.0.1:8080\n\
         # Once that appends to X-Forwarded-For, or sets it: then the addresses of visitors are known.\n\
         # trusted_proxies: [127.0.0.1/32]\n\
         # Or without anything in front, instead of listen and trusted_proxies above:\n\
         # listen: 0.0.0.0:443\n\
         # tls: { certificate_file: fullchain.pem, key_file: privkey.pem, redirect_from: 0.0.0.0:80 }\n"
    } else {
        ""
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

# Metrics and health checks, never for visitors.
admin:
  listen: 127.0.0.1:9464

# What the pages call your app; else the host of public_url.
{branding}"
    )
}
