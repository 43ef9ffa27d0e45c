//! Listeners, and how they end.
//!
//! Pingora's services run here on the runtime they are started on, without Pingora's `Server`: that one gives each service
//! a runtime of its own (a connection to a store would belong to one of them), always sleeps through the whole grace
//! period, and kills the process at SIGHUP.

use std::{io, net::TcpListener, sync::Arc, time::Duration};

use pingora::{
    apps::HttpServerApp,
    listeners::{TcpSocketOptions, tls::TlsSettings},
    protocols::TcpKeepalive,
    services::{Service, listening::Service as ListeningService},
};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use super::{Connections, Limits};

/// All listeners of the process.
#[derive(Default)]
pub struct Listening {
    services: Vec<Box<dyn Service>>,
    open: Arc<watch::Sender<usize>>,
}

/// How much time the end takes.
#[derive(Clone, Copy, Debug)]
pub struct Stopping {
    /// How long new connections are still taken, so that a load balancer sees that we are not ready.
    pub drain: Duration,
    /// How long what is under way may take after that.
    pub grace: Duration,
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}")]
pub struct CannotListen {
    address: String,
    source: io::Error,
}

impl Listening {
    /// Adds a listener at `address` (`127.0.0.1:8080`) that is served by `app`.
    ///
    /// # Errors
    /// When the address cannot be listened on.
    pub fn add<A>(
        &mut self,
        address: &str,
        tls: Option<TlsSettings>,
        app: A,
        limits: Limits,
    ) -> Result<(), CannotListen>
    where
        A: HttpServerApp + Send + Sync + 'static,
    {
        // Pingora panics in a task when it cannot; here it can still be said.
        TcpListener::bind(address).map_err(|source| CannotListen { address: address.to_owned(), source })?;
        let connections = Connections::new(app, limits, Arc::clone(&self.open));
        let mut service = ListeningService::new(address.to_owned(), connections);
        let mut options = TcpSocketOptions::default();
        options.tcp_keepalive = Some(TcpKeepalive {
            idle: Duration::from_mins(1),
            interval: Duration::from_secs(15),
            count: 4,
            #[cfg(target_os = "linux")]
            user_timeout: Duration::ZERO,
        });
        match tls {
            Some(tls) => service.add_tls_with_settings(address, Some(options), tls),
            None => service.add_tcp_with_settings(address, options),
        }
        self.services.push(Box::new(service));
        Ok(())
    }

    /// Serves until SIGTERM (after `drain`) or SIGINT (at once), then waits up to `grace` for what is under way; a second
    /// signal cuts that short. `ready` is true in between; `hung_up` is called at SIGHUP.
    ///
    /// # Errors
    /// When signals cannot be received.
    pub async fn run(
        self,
        stopping: Stopping,
        ready: &watch::Sender<bool>,
        mut hung_up: impl AsyncFnMut(),
    ) -> io::Result<()> {
        let mut signals = Signals::new()?;
        let mut hangup = signal(SignalKind::hangup())?;
        let (stop, stopped) = watch::channel(false);
        let mut services = JoinSet::new();
        for mut service in self.services {
            let stopped = stopped.clone();
            services.spawn(async move { service.start_service(None, stopped, 1).await });
        }
        ready.send_replace(true);
        let drain = loop {
            tokio::select! {
                drain = signals.stop() => break if drain { stopping.drain } else { Duration::ZERO },
                _ = hangup.recv() => hung_up().await,
            }
        };
        ready.send_replace(false);
        tracing::info!(drain = ?drain, grace = ?stopping.grace, "Stopping");
        tokio::select! {
            () = sleep(drain) => {}
            _ = signals.stop() => {}
        }
        stop.send_replace(true);
        while services.join_next().await.is_some() {}
        let mut open = self.open.subscribe();
        tokio::select! {
            ended = timeout(stopping.grace, open.wait_for(|count| *count == 0)) => {
                if ended.is_err() {
                    tracing::warn!(connections = *self.open.borrow(), "Cut what was still under way");
                }
            }
            _ = signals.stop() => {}
        }
        Ok(())
    }
}

/// What asks us to stop.
struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits for a signal; true when it is the polite one.
    async fn stop(&mut self) -> bool {
        tokio::select! {
            _ = self.term.recv() => true,
            _ = self.int.recv() => false,
        }
    }
}
