//! Access log: one line for each request.
//!
//! There are thousands of them a second. As JSON it is written here by hand, since through `tracing` it costs as much as the
//! gate does; every other line, and this one as text, is left to `tracing`. All look alike.

use std::{io::Write as _, net::IpAddr, sync::OnceLock, time::Duration};

use jiff::fmt::temporal::DateTimePrinter;
use tracing_appender::non_blocking::NonBlocking;

use crate::{
    clock::Clock,
    id::{SessionId, UserId},
    visitor::ip_text,
};

/// Log target of access lines.
pub(super) const TARGET: &str = "access";
/// Sink of JSON lines.
static JSON_SINK: OnceLock<NonBlocking> = OnceLock::new();

/// Writes access lines as JSON to this sink from now on.
pub(super) fn set_json_sink(sink: NonBlocking) {
    // Said once: there is one log.
    let _ = JSON_SINK.set(sink);
}

/// Fields of an access line.
pub(crate) struct AccessLogEntry<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Response status; 0 when no response was sent.
    pub(crate) status: u16,
    /// Bytes of the response body.
    pub(crate) bytes: usize,
    pub(crate) duration: Duration,
    /// Part of the duration spent in the gate.
    pub(crate) auth_duration: Duration,
    pub(crate) decision: &'static str,
    /// Reason of a refusal, where the decision does not include it.
    pub(crate) refusal: Option<&'a str>,
    /// Requested host, where it is not ours.
    pub(crate) host: Option<&'a str>,
    pub(crate) route: &'a str,
    pub(crate) upstream: Option<&'a str>,
    pub(crate) session: Option<SessionId>,
    pub(crate) user: Option<UserId>,
    pub(crate) ip: IpAddr,
    pub(crate) request_id: &'a str,
    pub(crate) protocol: &'static str,
    /// Reason of a cancellation.
    pub(crate) cancel_reason: Option<&'static str>,
}

impl AccessLogEntry<'_> {
    /// Writes the line, where the access log is on.
    pub(crate) fn write(&self) {
        match JSON_SINK.get() {
            // The sink takes all or drops all, and says neither.
            Some(sink) => drop(sink.clone().write_all(&self.to_json(Clock::log_time()))),
            None => self.log_event(),
        }
    }

    fn log_event(&self) {
        tracing::info!(
            target: TARGET,
            method = self.method,
            path = self.path,
            status = self.status,
            bytes = self.bytes,
            duration_ms = millis(self.duration),
            auth_ms = millis(self.auth_duration),
            decision = self.decision,
            refused = self.refusal,
            host = self.host,
            route = self.route,
            upstream = self.upstream,
            session = self.session.map(tracing::field::display),
            user = self.user.map(tracing::field::display),
            ip = %self.ip,
            request_id = self.request_id,
            protocol = self.protocol,
            cut = self.cancel_reason,
        );
    }

    fn to_json(&self, now: jiff::Timestamp) -> Vec<u8> {
        const TIME: DateTimePrinter = DateTimePrinter::new().precision(Some(6));
        let mut line = JsonLine(Vec::with_capacity(768));
        line.raw(b"{\"timestamp\":\"");
        // Writing to memory does not fail.
        let _ = TIME.print_timestamp(&now, &mut line.0);
        line.raw(b"\",\"level\":\"INFO\"");
        line.text("method", self.method);
        line.text("path", self.path);
        line.number("status", self.status.into());
        line.number("bytes", self.bytes as u64);
        line.millis("duration_ms", self.duration);
        line.millis("auth_ms", self.auth_duration);
        line.text("decision", self.decision);
        if let Some(refused) = self.refusal {
            line.text("refused", refused);
        }
        if let Some(host) = self.host {
            line.text("host", host);
        }
        line.text("route", self.route);
        if let Some(upstream) = self.upstream {
            line.text("upstream", upstream);
        }
        if let Some(session) = self.session {
            line.text("session", &session.to_string());
        }
        if let Some(user) = self.user {
            line.text("user", &user.to_string());
        }
        line.text("ip", &ip_text(self.ip));
        line.text("request_id", self.request_id);
        line.text("protocol", self.protocol);
        if let Some(cut) = self.cancel_reason {
            line.text("cut", cut);
        }
        line.text("target", TARGET);
        line.raw(b"}\n");
        line.0
    }
}

/// Milliseconds with three digits behind the point.
fn millis(span: Duration) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "a request of 285 years may be logged a microsecond short")]
    let micros = span.as_micros() as f64;
    micros / 1_000.0
}

/// A JSON object under way. Names of fields are ours, and plain.
struct JsonLine(Vec<u8>);

impl JsonLine {
    fn raw(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn key(&mut self, name: &str) {
        self.raw(b",\"");
        self.raw(name.as_bytes());
        self.raw(b"\":");
    }

    fn number(&mut self, name: &str, value: u64) {
        self.key(name);
        self.raw(itoa::Buffer::new().format(value).as_bytes());
    }

    /// As [`millis`] would be written: without the zeros at its end, but for one behind the point.
    fn millis(&mut self, name: &str, span: Duration) {
        let micros = u64::try_from(span.as_micros()).unwrap_or(u64::MAX);
        self.number(name, micros / 1_000);
        let mut digits = itoa::Buffer::new();
        let behind = digits.format(1_000 + micros % 1_000)[1..].trim_end_matches('0');
        self.raw(b".");
        self.raw(if behind.is_empty() { b"0" } else { behind.as_bytes() });
    }

    fn text(&mut self, name: &str, value: &str) {
        self.key(name);
        self.raw(b"\"");
        // Two runs: the first one looks at many bytes in one step, and as a rule there is no second one.
        let special = |byte: &u8| matches!(byte, b'"' | b'\\' | 0..=0x1f);
        if value.bytes().map(|byte| u8::from(special(&byte))).fold(0, |found, special| found | special) == 0 {
            self.raw(value.as_bytes());
        } else {
            for byte in value.bytes() {
                match byte {
                    b'"' | b'\\' => self.raw(&[b'\\', byte]),
                    0..=0x1f => self.raw(format!("\\u{byte:04x}").as_bytes()),
                    plain => self.raw(&[plain]),
                }
            }
        }
        self.raw(b"\"");
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::Value;
    use tracing_subscriber::{fmt, layer::SubscriberExt as _};

    use super::*;
    use crate::id::UserId;

    /// What is logged.
    #[derive(Clone, Default)]
    struct CapturedLog(Arc<Mutex<Vec<u8>>>);

    impl io::Write for CapturedLog {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn through_tracing(line: &AccessLogEntry<'_>) -> String {
        let lines = CapturedLog::default();
        let writer = lines.clone();
        let format = fmt::format().json().flatten_event(true).with_current_span(false).with_span_list(false);
        let layer = fmt::layer().json().event_format(format).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || line.log_event());
        String::from_utf8(lines.0.lock().unwrap().clone()).unwrap()
    }

    fn fields(line: &str) -> Value {
        let mut line: Value = serde_json::from_str(line).unwrap();
        let time = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(time.as_str().unwrap().len() == "2026-01-01T00:00:00.000000Z".len(), "{time}");
        line
    }

    #[test]
    fn it_looks_like_any_other() {
        let session = SessionId::mint(UserId::mint());
        for (path, took, known) in [
            ("/a\"b\\c\n\u{1}\u{e9}\u{7f}", 12_000, true),
            ("", 0, false),
            ("/", 1, true),
            ("/", 1_234_560, true),
            ("/", 10_010, true),
        ] {
            let line = AccessLogEntry {
                method: "GET",
                path,
                status: 200,
                bytes: 0,
                duration: Duration::from_micros(took),
                auth_duration: Duration::from_nanos(4_999),
                decision: "allow",
                refusal: known.then_some("role"),
                host: known.then_some("evil.test"),
                route: "/",
                upstream: known.then_some("app"),
                session: known.then_some(session),
                user: known.then_some(session.owner()),
                ip: if known { [192, 0, 2, 1].into() } else { IpAddr::V6("::ffff:192.0.2.1".parse().unwrap()) },
                request_id: "abc",
                protocol: "HTTP/1.1",
                cancel_reason: known.then_some("signed_out"),
            };
            let by_hand = String::from_utf8(line.to_json(Clock::log_time())).unwrap();
            let through_tracing = through_tracing(&line);
            assert_eq!(fields(&by_hand), fields(&through_tracing));
            let behind_time = |line: &str| line.split_once("\"level\"").unwrap().1.to_owned();
            let plain = !path.contains('"');
            assert!(!plain || behind_time(&by_hand) == behind_time(&through_tracing), "{by_hand}{through_tracing}");
        }
    }
}
