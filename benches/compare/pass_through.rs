//! A bare Pingora pass-through, what the comparison measures everything against: it forwards each request to one app and
//! does nothing else. The same versions, profile and allocator as Portcullis, one thread.
//!
//! `pass-through LISTEN APP`, both `ADDRESS:PORT`. Ends at SIGTERM.

use std::{env, net::SocketAddr, process::ExitCode, sync::Arc};

use async_trait::async_trait;
use pingora::{
    Result,
    proxy::{ProxyHttp, Session, http_proxy_service},
    server::{RunArgs, Server, configuration::ServerConf},
    upstreams::peer::HttpPeer,
};

struct PassThrough {
    app: HttpPeer,
}

#[async_trait]
impl ProxyHttp for PassThrough {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn upstream_peer(&self, _: &mut Session, (): &mut ()) -> Result<Box<HttpPeer>> {
        Ok(Box::new(self.app.clone()))
    }
}

fn main() -> ExitCode {
    let mut addresses = env::args().skip(1).map(|argument| argument.parse::<SocketAddr>());
    let (Some(Ok(listen)), Some(Ok(app)), None) = (addresses.next(), addresses.next(), addresses.next()) else {
        eprintln!("usage: pass-through LISTEN APP");
        return ExitCode::from(2);
    };
    let conf = ServerConf {
        threads: 1,
        grace_period_seconds: Some(0),
        graceful_shutdown_timeout_seconds: Some(0),
        ..ServerConf::default()
    };
    let mut server = Server::new_with_opt_and_conf(None, conf);
    server.bootstrap();
    let proxy = PassThrough { app: HttpPeer::new(app, false, String::new()) };
    let mut service = http_proxy_service(&Arc::clone(&server.configuration), proxy);
    service.add_tcp(&listen.to_string());
    server.add_service(service);
    server.run(RunArgs::default());
    ExitCode::SUCCESS
}
