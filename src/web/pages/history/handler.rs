//! `/security/history`, and the same as a file.

use http::{StatusCode, header};
use serde::Deserialize;

use super::HistoryPage;
use crate::{
    audit::{self, AuditEntry, AuditEvent, AuditPage, LoginOutcome},
    id::EventId,
    web::{Error, RequestFailure, WebRequest, WebResponse, extract::Query},
};

/// Entries of one page.
const PER_PAGE: usize = 25;
/// Entries of one file.
const PER_FILE: usize = 1_000;

/// Which entries.
#[derive(Deserialize)]
pub(in crate::web) struct HistoryQuery {
    outcome: Option<String>,
    after: Option<String>,
}

impl HistoryQuery {
    fn outcome(&self) -> Option<LoginOutcome> {
        match self.outcome.as_deref() {
            Some("failed") => Some(LoginOutcome::Failed),
            Some("succeeded") => Some(LoginOutcome::Succeeded),
            _ => None,
        }
    }

    fn after(&self) -> Option<EventId> {
        self.after.as_deref().and_then(|id| id.parse().ok())
    }
}

/// One's own sign-ins and failed sign-ins, newest first.
pub(in crate::web) async fn show(
    request: WebRequest,
    Query(filter): Query<HistoryQuery>,
) -> Result<WebResponse, Error> {
    let page = read_page(&request, &filter, PER_PAGE).await?;
    request.render_page(StatusCode::OK, &HistoryPage::new(request.layout(), &page, filter.outcome(), filter.after()))
}

/// The same as a file for a spreadsheet.
pub(in crate::web) async fn export_csv(
    request: WebRequest,
    Query(filter): Query<HistoryQuery>,
) -> Result<WebResponse, Error> {
    let page = read_page(&request, &filter, PER_FILE).await?;
    let mut sheet = csv::Writer::from_writer(Vec::new());
    let written = sheet
        .write_record(["time", "status", "step", "ip", "device", "attempts", "last"])
        .and_then(|()| page.entries.iter().filter_map(csv_record).try_for_each(|line| sheet.write_record(line)));
    let text = written.ok().and_then(|()| sheet.into_inner().ok()).and_then(|bytes| String::from_utf8(bytes).ok());
    let answer = WebResponse::text(
        StatusCode::OK,
        "text/csv; charset=utf-8",
        text.ok_or(Error::Failed(RequestFailure::Internal))?,
    );
    Ok(answer.with_header(header::CONTENT_DISPOSITION, "attachment; filename=\"sign-in-history.csv\""))
}

async fn read_page(request: &WebRequest, filter: &HistoryQuery, limit: usize) -> Result<AuditPage, Error> {
    let me = request.require_principal()?;
    let query =
        audit::LoginHistoryQuery { user: me.subject.id, outcome: filter.outcome(), after: filter.after(), limit };
    Ok(request.state().audit_log.login_history(&query).await?)
}

fn csv_record(entry: &AuditEntry) -> Option<[String; 7]> {
    let (status, step) = match &entry.event {
        AuditEvent::SignedIn { .. } => ("Success", "password"),
        AuditEvent::SignInFailed { .. } | AuditEvent::SignInsFailed { .. } => ("Failed", "password"),
        AuditEvent::PasswordChangeFailed => ("Failed", "password change"),
        _ => return None,
    };
    let ip = entry.ip.map(|ip| ip.to_string()).unwrap_or_default();
    let device = entry.device.as_ref().map(crate::visitor::Device::label).unwrap_or_default();
    let (attempts, last) = (entry.event.attempts().to_string(), entry.last_at().rfc3339());
    Some([entry.at.rfc3339(), status.to_owned(), step.to_owned(), ip, escape_formula(device), attempts, last])
}

/// A cell that begins like a formula is text, not a formula: a spreadsheet would work it out, with whatever somebody else put
/// into the name of their browser.
fn escape_formula(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::escape_formula;

    #[test]
    fn no_cell_is_a_formula() {
        assert_eq!(escape_formula("=cmd()".to_owned()), "'=cmd()");
        assert_eq!(escape_formula("Chrome on macOS".to_owned()), "Chrome on macOS");
    }
}
