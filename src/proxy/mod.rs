//! The plug: Pingora's hooks, the exchange of heads and bodies, identity headers, upstream peers, listeners.
//!
//! The only folder that names Pingora. It decides nothing: what happens to a request is a [`crate::gate::Decision`], asked
//! of
//! [`crate::portcullis::Portcullis`], and without the gate's permit no byte goes upstream. In the order in which a request meets them:
//! `connection` reads its `head`, lends the `client_stream`, on which `chunks` are validated and leave is given to whom is `expecting` it, `wishes` are settled, `hooks` asks for a decision on what is `asked`,
//! `answer` sends what is ours (for what it waits, `bodies` has places), `content` knows whether there is a body to send on,
//! `upstreams`, `peer`, `private`, `retry`, `upstream_request` and `identity` send the rest on,
//! `response`, `one_reading` and `passing` look at what comes back, `failure` says what went wrong there, `passage` tells the log. `lines` knows
//! what is in flight for whom, and a `request_timer` watches each for the `read_timeout` of its app and for `slow_readers` (`client_writes`); what is to be `cut` there says `farewell` between two `frames`.

mod answer;
mod app_cookies;
mod asked;
mod bodies;
mod caching;
mod chunks;
mod client_stream;
mod client_writes;
mod connection;
mod content;
mod cross_site_form;
mod cut;
mod entrance;
mod expecting;
mod failure;
mod farewell;
mod frames;
mod head;
mod hooks;
mod http2;
mod identity;
mod introduction;
mod limits;
mod line;
mod lines;
mod listening;
mod live;
mod media_type;
mod one_reading;
mod passage;
mod passing;
mod peer;
mod private;
mod read_timeout;
mod request_id;
mod request_timer;
mod response;
mod retry;
mod room;
mod router;
mod slow_readers;
mod tls;
mod upstream_request;
mod upstreams;
mod visit;
mod watch_script;
mod wishes;

pub use bodies::Bodies;
pub use connection::Connections;
pub use cut::Cut;
pub use entrance::Entrance;
pub use hooks::{Proxy, ProxyParts};
pub use identity::{IdentityEncoding, IdentityHeaders, IdentityPreset, NotSaid, Told, are_aliases, may_be_said};
pub use limits::Limits;
pub use line::Line;
pub use lines::Lines;
pub use listening::{CannotListen, Interrupted, Listening, Stopping, cause};
pub use room::Room;
pub use router::ServeRouter;
pub use tls::Tls;
pub use upstreams::{ServerAddress, Upstream, UpstreamIds, UpstreamPlan, Upstreams};
