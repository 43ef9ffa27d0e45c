//! Names of our cookies, and the reserved names that no app receives or sets.

/// Default base name of our cookies.
pub const DEFAULT_NAME: &str = "portcullis";

/// Ends of the names of cookies beside the session's: a session's cookie of one installation may not be another's of these.
const RESERVED_SUFFIXES: [&str; 7] = ["-app", "-device", "-flash", "-form", "-pending", "-last", "-ended"];

/// The names of our cookies under one `public_url`.
#[derive(Clone, Debug)]
pub struct CookieNames {
    /// Session cookie.
    pub session: String,
    /// Known-device cookie.
    pub device: String,
    /// Flash message, shown once.
    pub flash: String,
    /// Binding of a form to the browser that received it.
    pub form: String,
    /// State between two steps of a sign-in or a sign-out.
    pub pending: String,
    /// Keyed digest of the user who was signed in last.
    pub last_user: String,
    /// Ended session, for the sentence on the sign-in page.
    pub ended: String,
    /// Whether cookies have the `Secure` attribute.
    pub secure: bool,
    /// Base name without the `__Host-` prefix.
    base: String,
}

impl CookieNames {
    /// `__Host-NAME…` over https, `NAME…` over http on loopback.
    #[must_use]
    pub fn new(https: bool, name: &str) -> Self {
        let prefixed = if https { format!("__Host-{name}") } else { name.to_owned() };
        Self {
            device: format!("{prefixed}-device"),
            flash: format!("{prefixed}-flash"),
            form: format!("{prefixed}-form"),
            pending: format!("{prefixed}-pending"),
            last_user: format!("{prefixed}-last"),
            ended: format!("{prefixed}-ended"),
            session: prefixed,
            secure: https,
            base: name.to_owned(),
        }
    }

    /// What is wrong with `name` as a name for our cookies, and what to write instead.
    ///
    /// # Errors
    /// A sentence for the operator.
    pub fn check(name: &str) -> Result<(), &'static str> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if name.starts_with("__") {
            return Err("begins as a prefix that browsers read; write it without: over https __Host- is put in front");
        }
        if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
            return Err("is no name for a cookie; write 1 to 64 of the letters A-Z a-z 0-9 - _");
        }
        if name.contains("-app-") || RESERVED_SUFFIXES.iter().any(|helper| name.ends_with(helper)) {
            return Err("ends as the name of another cookie of Portcullis; choose another, such as portcullis-8443");
        }
        Ok(())
    }

    /// Whether a cookie of this name is ours, or of another installation by its name, under either scheme: such a cookie never
    /// travels to or from an app.
    #[must_use]
    pub fn is_own(&self, name: &[u8]) -> bool {
        let name = name.strip_prefix(b"__Host-").or_else(|| name.strip_prefix(b"__Secure-")).unwrap_or(name);
        [self.base.as_str(), DEFAULT_NAME].iter().any(|base| {
            name.strip_prefix(base.as_bytes()).is_some_and(|rest| rest.is_empty() || rest.starts_with(b"-"))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_an_installation_are_all_from_its_own() {
        let names = CookieNames::new(true, "acme");
        assert_eq!((names.session.as_str(), names.device.as_str()), ("__Host-acme", "__Host-acme-device"));
        for (name, ours) in [
            ("acme", true),
            ("__Host-acme", true),
            ("__Secure-acme-flash", true),
            ("acme-anything", true),
            ("portcullis", true),
            ("__Host-portcullis-8443", true),
            ("acmes", false),
            ("Acme", false),
            ("x-acme", false),
        ] {
            assert_eq!(names.is_own(name.as_bytes()), ours, "{name}");
        }
    }

    #[test]
    fn what_cannot_be_a_name_is_refused() {
        for good in ["portcullis", "acme", "portcullis-8443", "Acme_1", "a", &"a".repeat(64)] {
            assert_eq!(CookieNames::check(good), Ok(()), "{good}");
        }
        let long = "a".repeat(65);
        for bad in [
            "",
            "__Host-acme",
            "__acme",
            "a b",
            "a;b",
            "a=b",
            "a,b",
            "\u{e9}",
            "a\n",
            "acme-device",
            "acme-app-1",
            "portcullis-app",
            "acme-last",
            "acme-ended",
            "portcullis-flash",
            "portcullis-form",
            &long,
        ] {
            assert!(CookieNames::check(bad).is_err(), "{bad:?}");
        }
    }
}
