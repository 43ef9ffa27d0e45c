//! Real servers that tell how they read a path: under `/admin`, under `/public`, or elsewhere.

use std::{fs, net::SocketAddr, path::Path, process::Command};

use super::{Child, Client, free_port, until};

/// Servers of one kind each, at their addresses; they end with the test.
pub(crate) struct Readers {
    servers: Vec<(&'static str, SocketAddr)>,
    _children: Vec<Child>,
}

/// How one of them reads a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) server: &'static str,
    /// `admin`, `public` or `other`; none where it takes no such path.
    pub(crate) place: Option<String>,
    /// The path as it reads it.
    pub(crate) path: Option<String>,
}

impl Readers {
    /// nginx, `HAProxy` and Apache, each in the ways in which they can be told to read slashes and dots.
    pub(crate) async fn start(folder: &Path) -> Self {
        let [nginx, nginx_keeps, haproxy, haproxy_decodes, haproxy_normalizes] =
            std::array::from_fn(|_| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let apache: [SocketAddr; 3] = std::array::from_fn(|_| SocketAddr::from(([127, 0, 0, 1], free_port())));
        let children = vec![
            start_nginx(folder, nginx, nginx_keeps),
            start_haproxy(folder, haproxy, haproxy_decodes, haproxy_normalizes),
            start_apache(folder, apache),
        ];
        let servers = vec![
            ("nginx", nginx),
            ("nginx with merge_slashes off", nginx_keeps),
            ("HAProxy", haproxy),
            ("HAProxy with url_dec", haproxy_decodes),
            ("HAProxy with normalize-uri", haproxy_normalizes),
            ("Apache", apache[0]),
            ("Apache with AllowEncodedSlashes On", apache[1]),
            ("Apache with AllowEncodedSlashes NoDecode, MergeSlashes Off", apache[2]),
        ];
        for (name, address) in &servers {
            until(&format!("{name} to listen"), async || tokio::net::TcpStream::connect(address).await.ok()).await;
        }
        Self { servers, _children: children }
    }

    /// A connection to each.
    pub(crate) fn connections(&self) -> Connections {
        Connections(self.servers.iter().map(|(name, address)| (*name, *address, None)).collect())
    }
}

/// A connection to each server, made anew where one was closed.
pub(crate) struct Connections(Vec<(&'static str, SocketAddr, Option<Client>)>);

impl Connections {
    /// New connections to the same servers.
    pub(crate) fn afresh(&self) -> Self {
        Self(self.0.iter().map(|(name, address, _)| (*name, *address, None)).collect())
    }

    /// Sends these bytes to each, and hears how it reads them.
    pub(crate) async fn ask(&mut self, request: &[u8]) -> Vec<Reading> {
        let mut readings = Vec::new();
        for (server, address, connection) in &mut self.0 {
            let mut client = match connection.take() {
                Some(client) => client,
                None => Client::connect(*address).await,
            };
            let answer = client.ask(request).await;
            if answer.header("connection").is_none_or(|said| !said.eq_ignore_ascii_case("close")) {
                *connection = Some(client);
            }
            let said = |name| answer.header(name).map(str::to_owned);
            readings.push(Reading { server, place: said("x-place"), path: said("x-read") });
        }
        readings
    }
}

fn start_nginx(folder: &Path, merging: SocketAddr, keeping: SocketAddr) -> Child {
    let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .map(|kind| format!("{kind}_temp_path {};", folder.join(kind).display()))
        .concat();
    let place = |path: &str, name: &str| {
        format!(
            "location {path} {{ add_header X-Place {name} always; add_header X-Read $uri always; return 200 ok; }}\n"
        )
    };
    let places = [
        place("= /admin", "admin"),
        place("^~ /admin/", "admin"),
        place("= /public", "public"),
        place("^~ /public/", "public"),
        place("/", "other"),
    ]
    .concat();
    let text = format!(
        "daemon off; master_process off; pid {0}/nginx.pid; error_log stderr crit; events {{}}\n\
         http {{ access_log off; keepalive_requests 1000000; large_client_header_buffers 4 64k; {temporary}\n\
         server {{ listen {merging}; {places} }}\nserver {{ listen {keeping}; merge_slashes off; {places} }} }}\n",
        folder.display(),
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, text).unwrap();
    Child::start(program("nginx").arg("-p").arg(folder).arg("-c").arg(&file).args(["-e", "stderr"]))
}

fn start_haproxy(folder: &Path, plain: SocketAddr, decoding: SocketAddr, normalizing: SocketAddr) -> Child {
    let under = |sample: &str| {
        let place = |name: &str, when: &str| {
            let answer = format!("http-request return status 200 content-type text/plain string ok hdr X-Place {name}");
            format!("    {answer} hdr X-Read \"%[path]\" {when}\n")
        };
        let when = |path: &str| format!("if {{ {sample} -m str {path} }} || {{ {sample} -m beg {path}/ }}");
        [place("admin", &when("/admin")), place("public", &when("/public")), place("other", "")].concat()
    };
    let steps = ["percent-decode-unreserved", "path-strip-dot", "path-merge-slashes", "path-strip-dotdot full"]
        .map(|step| format!("    http-request normalize-uri {step}\n"))
        .concat();
    let text = format!(
        "global\n    expose-experimental-directives\ndefaults\n    mode http\n    timeout client 60s\n    timeout server 60s\n    \
         timeout connect 5s\nfrontend plain\n    bind {plain}\n{0}frontend decoding\n    bind {decoding}\n{1}frontend \
         normalizing\n    bind {normalizing}\n{steps}{0}",
        under("path"),
        under("path,url_dec"),
    );
    let file = folder.join("haproxy.cfg");
    fs::write(&file, text).unwrap();
    Child::start(program("haproxy").args(["-db", "-q", "-f"]).arg(&file))
}

fn start_apache(folder: &Path, [plain, decoding, keeping]: [SocketAddr; 3]) -> Child {
    let modules = ["mpm_event", "authz_core", "headers"]
        .map(|name| format!("LoadModule {name}_module {APACHE_MODULES}/mod_{name}.so\n"))
        .concat();
    let place =
        |path: &str, name: &str| format!("<Location \"{path}\">\nHeader always set X-Place {name}\n</Location>\n");
    let places = [place("/", "other"), place("/admin", "admin"), place("/public", "public")].concat();
    let host = |at: SocketAddr, more: &str| {
        let read = "Header always set X-Read \"expr=%{escape:%{REQUEST_URI}}\"\n";
        format!("Listen {at}\n<VirtualHost {at}>\n{more}\n{read}{places}</VirtualHost>\n")
    };
    let text = format!(
        "ServerRoot {0}\nDefaultRuntimeDir {0}\nPidFile {0}/apache.pid\nErrorLog {0}/apache.log\nLogLevel crit\n{modules}ServerName app.test\n\
         User #65534\nGroup #65534\nDocumentRoot {0}\nKeepAlive On\nMaxKeepAliveRequests 0\nKeepAliveTimeout 60\n\
         LimitRequestLine 65000\nHttpProtocolOptions Strict\n{1}{2}{3}",
        folder.display(),
        host(plain, ""),
        host(decoding, "AllowEncodedSlashes On"),
        host(keeping, "AllowEncodedSlashes NoDecode\nMergeSlashes Off"),
    );
    let file = folder.join("apache.conf");
    fs::write(&file, text).unwrap();
    Child::start_group(program("apache2").args(["-D", "FOREGROUND", "-f"]).arg(&file))
}

/// Where Debian keeps them.
const APACHE_MODULES: &str = "/usr/lib/apache2/modules";

/// A server's program, where it is not in the path of a plain user, too.
fn program(name: &str) -> Command {
    let places = ["/usr/sbin", "/usr/local/sbin"].map(|folder| format!("{folder}/{name}"));
    let found = places.into_iter().find(|path| Path::new(path).exists());
    Command::new(found.unwrap_or_else(|| name.to_owned()))
}
