//! `portcullis config check --explain`: what would become of a request, in a sentence. The gate that decides real requests
//! is asked; here it is only said.

use http::{HeaderMap, HeaderValue, Method, StatusCode, header};

use super::{
    CommandError, CommandResult, ConfigFile,
    context::{CommandContext, runtime},
    output::print_line,
};
use crate::{
    account::{Account, HashCost},
    clock::Clock,
    config::Config,
    gate::{ExplainedDecision, Explanation, Refusal, RejectReason, RequestHead, Route},
    server::{Components, Stores},
};

/// A request as a browser would send it that opens a page, or a form of the same site.
struct SimulatedRequest {
    method: Method,
    target: String,
    headers: HeaderMap,
}

pub(super) fn explain(file: &ConfigFile, words: &[String], user: Option<&str>) -> CommandResult {
    let [method, url] = words else { return Err(CommandError::Usage("write --explain METHOD URL".to_owned())) };
    let (_, config) = file.load()?;
    let request = SimulatedRequest::parse(method, url, &config)?;
    // Only who is named is looked up: without one the rules can be asked where there is no store.
    let context = if user.is_some() {
        CommandContext::open(file)?
    } else {
        let stores = Stores::in_memory().map_err(|why| CommandError::from_error(&why))?;
        let parts = Components::new(&config, stores, Clock::system(), HashCost::default());
        CommandContext { components: parts, config, runtime: runtime()? }
    };
    context.block_on(async |context| {
        let account = match user {
            Some(login) => Some(context.account(login).await?),
            None => None,
        };
        let owner = account.as_ref().map(Account::snapshot);
        let (explained, status) = context.components.portcullis().explain(&request.head(), owner.as_ref()).await;
        let told = describe(&explained, status, &context.config);
        print_line(&format!(
            "{} {}: {told}{}",
            request.method,
            request.target,
            describe_form_senders(&request, &explained)
        ));
        Ok(())
    })
}

impl SimulatedRequest {
    fn parse(method: &str, url: &str, config: &Config) -> Result<Self, CommandError> {
        let method: Method =
            method.to_uppercase().parse().map_err(|_| CommandError::Usage(format!("{method:?} is not a method")))?;
        let url = url.split('#').next().unwrap_or_default();
        let origin = config.public_url.origin();
        let whole = if url.starts_with('/') { format!("{origin}{url}") } else { url.to_owned() };
        let Some((_, rest)) = whole.split_once("://") else {
            return Err(CommandError::Usage(format!("{url:?} is neither a URL nor a path; write {origin}/… or /…")));
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let host = authority.rsplit('@').next().unwrap_or_default();
        let host = HeaderValue::from_str(host).map_err(|_| CommandError::Usage(format!("{host:?} is not a host")))?;
        let headers = [
            (header::HOST, host),
            (header::ACCEPT, HeaderValue::from_static("text/html")),
            (header::HeaderName::from_static("sec-fetch-mode"), HeaderValue::from_static("navigate")),
            (header::HeaderName::from_static("sec-fetch-site"), HeaderValue::from_static("same-origin")),
        ];
        let target = if target.starts_with('/') { target.to_owned() } else { format!("/{target}") };
        Ok(Self { method, target, headers: headers.into_iter().collect() })
    }

    const fn head(&self) -> RequestHead<'_> {
        RequestHead {
            method: &self.method,
            target: self.target.as_bytes(),
            authority: None,
            headers: &self.headers,
            ip: std::net::IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
            forwarded_host: None,
            request_id: "explained",
        }
    }
}

fn describe(explained: &Explanation, status: Option<StatusCode>, config: &Config) -> String {
    let upstream = |place: usize| config.routes.get(place).map_or("the app", |route| route.upstream.as_str());
    let said = match &explained.decision {
        ExplainedDecision::Serve => "answered by Portcullis itself".to_owned(),
        ExplainedDecision::Forward { user: person } => {
            let upstream = explained.route.as_ref().map_or("the app", |(place, _)| upstream(*place));
            let identity = if person.is_none() { ", without identity" } else { "" };
            format!("goes to {upstream}{identity}")
        }
        ExplainedDecision::Refuse(refusal) => describe_refusal(refusal, status, config),
    };
    match &explained.route {
        Some((place, Route { path, access, .. })) => format!("route {} ({path}, {access}): {said}", place + 1),
        None => said,
    }
}

/// Who else may post a form there, where somebody may.
fn describe_form_senders(request: &SimulatedRequest, explained: &Explanation) -> String {
    let path = request.target.split('?').next().unwrap_or_default();
    let targets = explained.route.iter().flat_map(|(_, rule)| &rule.cross_site_forms);
    match targets.into_iter().find(|target| request.method == Method::POST && target.path == path) {
        Some(target) => {
            let senders = target.senders.join(", ");
            format!("; a form from {senders} is shown to its visitor, who sends it on (cross_site_forms)")
        }
        None => String::new(),
    }
}

fn describe_refusal(refusal: &Refusal, status: Option<StatusCode>, config: &Config) -> String {
    let why = match refusal {
        Refusal::SignInRequired { reason: because, .. } => {
            let status = status.map_or_else(String::new, |status| format!("{} for a page", status.as_u16()));
            let cannot = match because {
                Some(RejectReason::AccountDisabled(_)) => ", and cannot: the account is disabled",
                Some(_) => ", and could not: the configuration ends each session at once",
                None => "",
            };
            return format!("must sign in first ({status}, else 401){cannot}");
        }
        Refusal::Forbidden { .. } => "the account has none of the roles".to_owned(),
        Refusal::NoRoute => "no route covers it".to_owned(),
        Refusal::WrongHost => format!("this host is not served here; public_url is {}", config.public_url.origin()),
        Refusal::InvalidPath(why) => why.to_string(),
        Refusal::InvalidHost => "there must be one host".to_owned(),
        Refusal::Method => "this method is never forwarded".to_owned(),
        Refusal::CrossSite => "another site sent it".to_owned(),
        // Never for a question: nobody is looked up.
        Refusal::StoreUnavailable => "the store cannot be asked".to_owned(),
    };
    status.map_or_else(|| why.clone(), |status| format!("{}, {why}", status.as_u16()))
}
