//! Listeners of the process: bound sockets, signals, and shutdown with drain and grace period.
//!
//! Pingora's services run here on the runtime they are started on, without Pingora's `Server`: that one gives each service
//! a runtime of its own (a connection to a store would belong to one of them), always sleeps through the whole grace
//! period, and kills the process at SIGHUP.

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener},
    os::fd::IntoRawFd as _,
    sync::Arc,
    time::Duration,
};

use pingora::{
    apps::HttpServerApp,
    listeners::{ListenerConfig, TcpSocketOptions},
    protocols::l4::stream::L4BufferSettings,
    server::{Fds, ListenFds},
    services::{Service, listening::Service as ListeningService},
};
use socket2::{Domain, Socket, Type};
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::watch,
    task::JoinSet,
    time::{sleep, timeout},
};

use crate::proxy::{
    http::server::tcp_keepalive,
    in_flight::{cancel_reason::CancelReason, registry::InFlight},
    listener::{acceptor::ConnectionAcceptor, connection_handler::ConnectionHandler},
};

/// Most connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Longest wait for cancelled connections to close.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(1);

/// All listeners of the process.
#[derive(Default)]
pub struct Listeners {
    services: Vec<Box<dyn Service>>,
    /// Bound sockets, each with the address that Pingora asks for it by.
    sockets: Vec<(String, TcpListener)>,
    open_connections: Arc<watch::Sender<usize>>,
    in_flight: Arc<InFlight>,
    /// All addresses that will be listened on.
    all_addresses: Vec<String>,
}

/// Timing of the shutdown.
#[derive(Clone, Copy, Debug)]
pub struct ShutdownTiming {
    /// Time in which new connections are still accepted, so that a load balancer sees that the process is not ready.
    pub drain: Duration,
    /// Time that requests in flight may take after that.
    pub grace: Duration,
}

/// Error of an address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}: {}", explain_listen_error(address, source))]
pub struct ListenError {
    address: String,
    source: io::Error,
}

/// `EAFNOSUPPORT` of Linux: no such family of addresses.
const EAFNOSUPPORT: i32 = 97;

/// Cause for which an address cannot be listened on, and its remedy: one cause, the true one.
#[must_use]
pub fn explain_listen_error(address: &str, why: &io::Error) -> String {
    let own = |ip: IpAddr| ip.is_unspecified() || ip.is_loopback();
    let of_v6 = address.parse().ok().map(|address: SocketAddr| address.ip()).filter(IpAddr::is_ipv6);
    match why.kind() {
        _ if why.raw_os_error() == Some(EAFNOSUPPORT) => {
            format!("this machine has no IPv6, and {address} is such an address; write one of IPv4, such as 0.0.0.0")
        }
        // Every machine that has IPv6 has these two.
        io::ErrorKind::AddrNotAvailable if of_v6.is_some_and(own) => {
            format!(
                "IPv6 is switched off on this machine, and {address} is such an address; write one of IPv4, such as 0.0.0.0"
            )
        }
        io::ErrorKind::AddrNotAvailable => {
            format!("no interface of this machine has the address {address}; write one that it has")
        }
        io::ErrorKind::AddrInUse => {
            format!("another program listens on {address} (ss -ltnp shows which); end it, or choose another port")
        }
        io::ErrorKind::PermissionDenied => format!(
            "this user may not listen on {address}; choose a port above 1023, or give the service CAP_NET_BIND_SERVICE, as \
             deploy/portcullis.service does"
        ),
        _ => format!("{address} cannot be listened on: {why}"),
    }
}

/// Error of listeners that ended without being asked to.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Signals cannot be received.
    #[error("signals cannot be received")]
    Signals(#[from] io::Error),
    /// A listener ended, or panicked.
    #[error("a listener has ended by itself")]
    Listener,
}

impl Listeners {
    /// No listener yet. `in_flight` registers the requests of all.
    #[must_use]
    pub fn new(in_flight: Arc<InFlight>) -> Self {
        Self { in_flight, ..Self::default() }
    }

    /// Announces all addresses that will be listened on: `[::]` takes what none of them does.
    #[must_use]
    pub fn with_addresses(mut self, addresses: impl Iterator<Item = SocketAddr>) -> Self {
        self.all_addresses = addresses.map(|address| address.to_string()).collect();
        self
    }

    /// Binds a listener at `address` (`127.0.0.1:8080`): `app` serves what `acceptor` lets in. Connections wait for
    /// [`Listeners::run`].
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub fn add<A>(&mut self, address: &str, acceptor: ConnectionAcceptor, app: A) -> Result<(), ListenError>
    where
        A: HttpServerApp + Send + Sync + 'static,
    {
        // Pingora would bind later, in a task, and panic when it cannot; here it can still be said.
        let socket = self.bind_socket(address).map_err(|source| ListenError { address: address.to_owned(), source })?;
        self.sockets.push((address.to_owned(), socket));
        let connections =
            ConnectionHandler::new(app, acceptor, Arc::clone(&self.open_connections), Arc::clone(&self.in_flight));
        let mut service = ListeningService::new(address.to_owned(), connections);
        let mut options = TcpSocketOptions::default();
        options.tcp_keepalive = Some(tcp_keepalive());
        // Not read ahead: heads and bodies are read into buffers of their own, and Pingora's would be 64 KB for each connection,
        // idle ones too.
        let unbuffered = L4BufferSettings::default().read(0);
        service.add_listener(ListenerConfig::tcp(address).tcp_socket_options(options).l4_buffer(unbuffered));
        self.services.push(Box::new(service));
        Ok(())
    }

    /// Binds an address. `[::]` takes IPv4, too, but where that has a listener of its own on the same port.
    fn bind_socket(&self, address: &str) -> io::Result<TcpListener> {
        let beside = |v6: &SocketAddr| format!("0.0.0.0:{}", v6.port());
        let apart = address.parse().is_ok_and(|address: SocketAddr| {
            address.ip() == IpAddr::V6(Ipv6Addr::UNSPECIFIED) && self.all_addresses.contains(&beside(&address))
        });
        let socket = if apart {
            let socket = Socket::new(Domain::IPV6, Type::STREAM, None)?;
            socket.set_only_v6(true)?;
            socket.set_reuse_address(true)?;
            socket.bind(&address.parse::<SocketAddr>().map_err(io::Error::other)?.into())?;
            socket.listen(BACKLOG)?;
            socket.into()
        } else {
            TcpListener::bind(address)?
        };
        socket.set_nonblocking(true)?;
        Ok(socket)
    }

    /// Serves until SIGTERM (after `drain`) or SIGINT (at once), then waits up to `grace` for connections to end, and cancels those
    /// that are left; a second signal cuts the wait short. `ready` is true in between; `on_hangup` is called at SIGHUP.
    ///
    /// # Errors
    /// Signals cannot be received, or a listener ends before it is asked to.
    pub async fn run(
        self,
        stopping: ShutdownTiming,
        ready: &watch::Sender<bool>,
        mut on_hangup: impl AsyncFnMut(),
    ) -> Result<(), ServeError> {
        let mut signals = StopSignals::new()?;
        let mut hangup = signal(SignalKind::hangup())?;
        let (stop, stopped) = watch::channel(false);
        let mut bound = Fds::new();
        for (address, socket) in self.sockets {
            bound.add(address, socket.into_raw_fd());
        }
        let bound: ListenFds = Arc::new(bound.into());
        let mut services = JoinSet::new();
        for mut service in self.services {
            let (bound, stopped) = (Arc::clone(&bound), stopped.clone());
            services.spawn(async move { service.start_service(Some(bound), stopped, 1).await });
        }
        ready.send_replace(true);
        let drain = loop {
            tokio::select! {
                drain = signals.recv() => break if drain { stopping.drain } else { Duration::ZERO },
                _ = hangup.recv() => on_hangup().await,
                // Better no process, which is started again, than one that nobody can reach.
                Some(_) = services.join_next() => return Err(ServeError::Listener),
            }
        };
        ready.send_replace(false);
        tracing::info!(drain = ?drain, grace = ?stopping.grace, "Shutdown started");
        tokio::select! {
            () = sleep(drain) => {}
            _ = signals.recv() => {}
        }
        stop.send_replace(true);
        while services.join_next().await.is_some() {}
        let mut open = self.open_connections.subscribe();
        let ended = tokio::select! {
            ended = timeout(stopping.grace, open.wait_for(|count| *count == 0)) => ended.is_ok(),
            _ = signals.recv() => false,
        };
        if !ended {
            tracing::warn!(connections = *self.open_connections.borrow(), "Open connections cancelled at shutdown");
            self.in_flight.cancel_all(CancelReason::Shutdown);
            // Whoever does not close is left behind.
            let _ = timeout(CANCEL_TIMEOUT, open.wait_for(|count| *count == 0)).await;
        }
        Ok(())
    }
}

/// Signals that stop the process.
struct StopSignals {
    term: Signal,
    int: Signal,
}

impl StopSignals {
    fn new() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// Waits for a signal; true for SIGTERM.
    async fn recv(&mut self) -> bool {
        tokio::select! {
            _ = self.term.recv() => true,
            _ = self.int.recv() => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use async_trait::async_trait;
    use pingora::server::ShutdownWatch;

    use super::*;

    #[test]
    fn one_cause_is_told_and_it_is_the_true_one() {
        let told = |address: &str, code| explain_listen_error(address, &io::Error::from_raw_os_error(code));
        for (address, code, words) in [
            ("[::]:8080", EAFNOSUPPORT, "this machine has no IPv6"),
            ("[::1]:8080", 99, "IPv6 is switched off on this machine"),
            ("[2001:db8::1]:8080", 99, "no interface of this machine has the address [2001:db8::1]:8080"),
            ("192.0.2.1:80", 99, "no interface of this machine has the address 192.0.2.1:80"),
            ("127.0.0.1:80", 98, "another program listens on 127.0.0.1:80"),
            ("127.0.0.1:80", 13, "this user may not listen on 127.0.0.1:80"),
        ] {
            let told = told(address, code);
            assert!(told.starts_with(words) && !told.contains(" may have it"), "{told}");
        }
    }

    struct Failing;

    #[async_trait]
    impl Service for Failing {
        async fn start_service(&mut self, _: Option<ListenFds>, _: ShutdownWatch, _: usize) {
            panic!("as a listener might");
        }

        fn name(&self) -> &'static str {
            "failing"
        }
    }

    #[tokio::test]
    async fn a_listener_that_ends_by_itself_does_not_go_unnoticed() {
        let listening = Listeners { services: vec![Box::new(Failing)], ..Listeners::default() };
        let stopping = ShutdownTiming { drain: Duration::ZERO, grace: Duration::ZERO };
        let ended = listening.run(stopping, &watch::Sender::new(false), async || {}).await;
        assert!(matches!(ended, Err(ServeError::Listener)), "{ended:?}");
    }
}
