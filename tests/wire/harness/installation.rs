//! Portcullis as an operator has it: a folder with a configuration, and the program.

use std::{fs, net::SocketAddr, os::unix::fs::PermissionsExt as _, path::Path, process::Command};

use super::{Child, Person, Running, Said, Shown, free_port};

/// The password of everybody.
pub(crate) const PASSWORD: &str = "Correct-horse-7-battery";

/// A folder with a configuration, a secret and a store.
pub(crate) struct Installation {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) public: SocketAddr,
    pub(crate) admin: SocketAddr,
}

impl Installation {
    /// In front of one app, all of it for whoever is signed in.
    pub(crate) fn before(app: SocketAddr) -> Self {
        Self::with(&format!("upstream: http://{app}\n"))
    }

    /// With these keys, besides where it listens and where its store is. It stops without a drain unless they say so.
    pub(crate) fn with(keys: &str) -> Self {
        let (public, admin) = (free_port(), free_port());
        let this = Self {
            folder: tempfile::tempdir().unwrap(),
            public: SocketAddr::from(([127, 0, 0, 1], public)),
            admin: SocketAddr::from(([127, 0, 0, 1], admin)),
        };
        let secret = this.path("portcullis.secret");
        fs::write(&secret, "c2VjcmV0IG9mIHRoZSB0ZXN0cywgbm90IG9mIGFueWJvZHk=\n").unwrap();
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).unwrap();
        this.configure(keys);
        this
    }

    /// Over TLS, with these keys besides; and the certificate that it shows.
    pub(crate) fn over_tls(keys: &str) -> (Self, Shown) {
        let this = Self::with("upstream: http://127.0.0.1:9\n");
        let shown = Shown::issue(this.folder.path());
        this.configure(&format!("{keys}tls:\n  certificate_file: tls.crt\n  key_file: tls.key\n"));
        (this, shown)
    }

    /// Writes the configuration again.
    pub(crate) fn configure(&self, keys: &str) {
        let Self { public, admin, .. } = self;
        let shutdown = if keys.contains("shutdown:") { "" } else { "shutdown: { drain: 0s, grace: 5s }\n" };
        let (scheme, listen) =
            if keys.contains("tls:") { ("https", format!("listen: {public}\n")) } else { ("http", String::new()) };
        let text = format!(
            "public_url: {scheme}://{public}\n{listen}store: file:portcullis.db\nsecret_file: portcullis.secret\n\
             admin: {{ listen: {admin} }}\n{shutdown}{keys}"
        );
        fs::write(self.file(), text).unwrap();
    }

    pub(crate) fn path(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn file(&self) -> std::path::PathBuf {
        self.path("portcullis.yaml")
    }

    /// Runs a verb to its end.
    pub(crate) fn cli(&self, words: &[&str]) -> Said {
        self.cli_typing(words, "")
    }

    /// Runs a verb to its end, with this on its standard input.
    pub(crate) fn cli_typing(&self, words: &[&str], input: &str) -> Said {
        Said::by(self.command().args(words), input)
    }

    /// Adds a user with [`PASSWORD`].
    pub(crate) fn user(&self, name: &str, more: &[&str]) {
        let words = [&["users", "add", name, "--password-stdin"], more].concat();
        self.cli_typing(&words, PASSWORD).ok();
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn run(&self) -> Running {
        let child = Child::start(self.command().arg("run"));
        Running::when_ready(child, self.public, self.admin).await
    }

    /// Starts the server from a shell that says this first.
    pub(crate) async fn run_under(&self, shell: &str) -> Running {
        let plain = self.command();
        let mut command = Command::new("sh");
        command.args(["-c", &format!("{shell}; exec \"$0\" run")]).arg(plain.get_program());
        command.current_dir(self.folder.path()).env("PORTCULLIS_CONFIG", self.file());
        Running::when_ready(Child::start(&mut command), self.public, self.admin).await
    }

    /// Somebody with a browser of their own.
    pub(crate) fn person(&self) -> Person {
        Person::at(self.public)
    }

    /// Somebody who has signed in with a browser of their own.
    pub(crate) async fn signed_in(&self, name: &str) -> Person {
        let person = self.person();
        person.sign_in(name).await;
        person
    }

    fn command(&self) -> Command {
        let mut command = portcullis(self.folder.path());
        command.env("PORTCULLIS_CONFIG", self.file());
        command
    }
}

/// The program, in this folder, with nothing of the environment that it would read.
pub(crate) fn portcullis(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
    command.current_dir(folder).env_remove("PORTCULLIS_CONFIG");
    command
}
