//! The log as JSON, one object a line.
//!
//! The line of a request is written here by hand, because there are thousands of them a second and through serde they cost
//! as much as the gate does; every other line is left to `tracing-subscriber`. Both look alike.

use std::fmt::{self, Write as _};

use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::{self, Format, Writer},
        time::{FormatTime as _, SystemTime},
    },
    registry::LookupSpan,
};

use super::ACCESS;

/// Writes events as JSON.
pub(super) struct Json {
    others: Format<format::Json>,
}

impl Json {
    pub(super) fn new() -> Self {
        let others = format::format().json().flatten_event(true).with_current_span(false).with_span_list(false);
        Self { others }
    }
}

impl<S, N> FormatEvent<S, N> for Json
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        if event.metadata().target() == ACCESS { line(to, event) } else { self.others.format_event(context, to, event) }
    }
}

fn line(mut to: Writer<'_>, event: &Event<'_>) -> fmt::Result {
    to.write_str("{\"timestamp\":\"")?;
    SystemTime.format_time(&mut to)?;
    write!(to, "\",\"level\":\"{}\"", event.metadata().level())?;
    let mut fields = Fields { to: to.by_ref(), written: Ok(()) };
    event.record(&mut fields);
    fields.written?;
    writeln!(to, ",\"target\":\"{ACCESS}\"}}")
}

/// Writes each field it is shown, a comma before it. Names of fields are ours, and plain.
struct Fields<'a> {
    to: Writer<'a>,
    written: fmt::Result,
}

impl Fields<'_> {
    fn write(&mut self, field: &Field, value: impl FnOnce(&mut Writer<'_>) -> fmt::Result) {
        self.written = self.written.and_then(|()| {
            self.to.write_str(",\"")?;
            self.to.write_str(field.name())?;
            self.to.write_str("\":")?;
            value(&mut self.to)
        });
    }
}

impl Visit for Fields<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.write(field, |to| {
            to.write_char('"')?;
            Escaped(to).write_str(value)?;
            to.write_char('"')
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.write(field, |to| {
            to.write_char('"')?;
            write!(Escaped(to), "{value:?}")?;
            to.write_char('"')
        });
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.write(field, |to| write!(to, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.write(field, |to| write!(to, "{value}"));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.write(field, |to| write!(to, "{value}"));
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON knows no infinity, and nothing that is not a number.
        self.write(field, |to| if value.is_finite() { write!(to, "{value:?}") } else { to.write_str("null") });
    }
}

/// The inside of a JSON string.
struct Escaped<'a, 'b>(&'a mut Writer<'b>);

impl fmt::Write for Escaped<'_, '_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text;
        while let Some(at) = rest.bytes().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)) {
            // One byte in UTF-8: both sides of it are text.
            let (plain, special) = (&rest[..at], rest.as_bytes()[at]);
            self.0.write_str(plain)?;
            match special {
                b'"' | b'\\' => write!(self.0, "\\{}", char::from(special))?,
                control => write!(self.0, "\\u{control:04x}")?,
            }
            rest = &rest[at + 1..];
        }
        self.0.write_str(rest)
    }
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use serde_json::{Value, json};
    use tracing_subscriber::{fmt, layer::SubscriberExt as _};

    use super::*;

    /// What is logged, line by line.
    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(log: impl FnOnce()) -> Vec<Value> {
        let lines = Lines::default();
        let writer = lines.clone();
        let layer = fmt::layer().json().event_format(Json::new()).with_writer(move || writer.clone());
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    #[test]
    fn the_line_of_a_request_looks_like_any_other() {
        macro_rules! log {
            ($target:expr) => {
                tracing::info!(
                    target: $target,
                    path = "/a\"b\\c\n\u{1}\u{e9}\u{7f}",
                    status = 200_u16,
                    offset = -1,
                    duration_ms = 12.0,
                    auth_ms = 0.004,
                    broken = f64::NAN,
                    known = true,
                    upstream = None::<&str>,
                    session = Some("sess_x"),
                    user = Some(tracing::field::display("usr_\"x\"")),
                    ip = %"192.0.2.1",
                )
            };
        }
        let mut lines = logged(|| {
            log!(ACCESS);
            log!("another");
        });
        for (line, target) in lines.iter_mut().zip([ACCESS, "another"]) {
            let fields = line.as_object_mut().unwrap();
            assert!(fields.remove("timestamp").unwrap().as_str().unwrap().ends_with('Z'));
            assert_eq!(fields.remove("target"), Some(json!(target)));
        }
        assert_eq!(lines[0], lines[1]);
        assert_eq!(lines[0]["path"], "/a\"b\\c\n\u{1}\u{e9}\u{7f}");
        assert_eq!(lines[0]["duration_ms"], 12.0);
        assert_eq!(lines[0].get("upstream"), None);
    }
}
