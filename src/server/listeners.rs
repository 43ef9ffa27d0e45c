//! The listeners: visitors', the admin port's, redirects to TLS, and those that the program adds.

use std::{net::SocketAddr, sync::Arc};

use arc_swap::ArcSwap;
use axum::Router;
use http::HeaderValue;
use tokio::sync::watch;

use super::{App, Installation, StartError, admin, redirect, settings};
use crate::{
    config::Config,
    metrics::Metrics,
    proxy::{
        AxumApp, BodyReadLimiter, ConnectionAcceptor, ConnectionLimiter, ConnectionLimits, Listeners, Proxy,
        ProxyParts, TlsAcceptor, Upstreams,
    },
    tasks::StoreWatcher,
};

/// State of the program that the listeners serve.
pub(super) struct Served {
    /// Upstreams; a reload replaces them.
    pub(super) upstreams: Arc<ArcSwap<Upstreams>>,
    /// The store's state, for `/readyz`.
    pub(super) store: StoreWatcher,
    /// Whether the program serves, for `/readyz`.
    pub(super) is_ready: watch::Receiver<bool>,
    /// Limit of open files; none where there is none.
    pub(super) open_files: Option<u64>,
}

/// Binds every address. Nobody is served before [`Listeners::run`].
///
/// # Errors
/// [`StartError::Listen`]: an address cannot be listened on.
pub(super) fn bind(app: &App, served: Served) -> Result<Listeners, StartError> {
    let (config, components) = (&app.config, &app.components);
    let Served { upstreams, store, is_ready, open_files } = served;
    let redirects = || config.tls.iter().flat_map(|tls| &tls.redirect_from).copied();
    let mut listeners =
        Listeners::new(components.in_flight.clone()).with_addresses(config.listen.iter().copied().chain(redirects()));
    let plain = public_acceptor(config, open_files, &components.metrics);
    // An operator must get through when visitors have taken all connections of theirs.
    let private = ConnectionAcceptor::new(ConnectionLimits::default(), ConnectionLimiter::new(usize::MAX));
    let public = plain.clone().with_tls(components.settings.certificate.clone().map(TlsAcceptor::new));
    let parts = proxy_parts(app, upstreams);
    let error = |key| move |source| StartError::Listen { key, source };

    for address in &config.listen {
        let proxy = Proxy::build_app(parts.clone(), app.threads);
        listeners.add(&address.to_string(), public.clone(), proxy).map_err(error("listen"))?;
    }
    let admin = admin::router(components.metrics.clone(), store, is_ready, Installation::from_config(config));
    let address = config.admin.listen.to_string();
    listeners.add(&address, private.clone(), AxumApp::new(admin)).map_err(error("admin.listen"))?;
    for address in redirects() {
        let redirect = AxumApp::without_bodies(redirect::router(&config.public_url));
        listeners.add(&address.to_string(), plain.clone(), redirect).map_err(error("tls.redirect_from"))?;
    }
    for (address, router) in &app.extra_listeners {
        let router: Router = router.clone();
        let address: &SocketAddr = address;
        listeners.add(&address.to_string(), private.clone(), AxumApp::new(router)).map_err(error("the sample app"))?;
    }
    Ok(listeners)
}

/// What the proxy is made of, the same at each address.
fn proxy_parts(app: &App, upstreams: Arc<ArcSwap<Upstreams>>) -> ProxyParts {
    let (config, components) = (&app.config, &app.components);
    ProxyParts {
        portcullis: Arc::new(components.portcullis()),
        upstreams,
        public_url: config.public_url.clone(),
        cookies: components.cookie_names.clone(),
        app_cookies: components.app_cookies.clone(),
        trusted_proxies: settings::trusted_proxies(config),
        identity_headers: components.settings.identity.clone(),
        clock: components.clock.clone(),
        metrics: components.metrics.clone(),
        hsts: hsts(config),
        body_limiter: Arc::<BodyReadLimiter>::default(),
    }
}

/// Acceptor of visitors' connections, before TLS.
fn public_acceptor(config: &Config, open_files: Option<u64>, metrics: &Metrics) -> ConnectionAcceptor {
    let limiter = connection_limiter(config, open_files, metrics);
    let acceptor = ConnectionAcceptor::new(settings::limits(config), limiter);
    if config.proxy_protocol { acceptor.with_proxy_protocol(settings::trusted_proxies(config)) } else { acceptor }
}

/// Limiter of visitors' connections. By address only where it is a visitor's, and not that of what carries all of them.
fn connection_limiter(config: &Config, open_files: Option<u64>, metrics: &Metrics) -> Arc<ConnectionLimiter> {
    let limiter = ConnectionLimiter::for_open_files(open_files).with_metrics(metrics);
    if !config.knows_client_addresses() {
        return Arc::new(limiter);
    }
    Arc::new(limiter.per_address(config.limits.connections_per_address, settings::trusted_proxies(config)))
}

/// Value of `Strict-Transport-Security`; none where browsers are not told to come by TLS only.
fn hsts(config: &Config) -> Option<HeaderValue> {
    let seconds = config.tls.as_ref()?.hsts?.as_secs();
    HeaderValue::from_str(&format!("max-age={seconds}")).ok()
}
