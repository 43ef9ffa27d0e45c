//! Another program that a test starts. It ends with the test, by its handle.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    os::unix::process::CommandExt as _,
    process::{Command, ExitStatus, Stdio},
    sync::{Arc, Mutex},
    thread,
};

use super::until;

/// A program beside the test, and what it has printed.
pub(crate) struct Child {
    name: String,
    process: std::process::Child,
    /// Whether it leads a process group of its own, which ends with it.
    leads_group: bool,
    lines: Arc<Mutex<Vec<String>>>,
}

impl Child {
    /// Starts it. Both of its outputs are kept.
    pub(crate) fn start(command: &mut Command) -> Self {
        let name = command.get_program().to_string_lossy().into_owned();
        let started = command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut process =
            started.unwrap_or_else(|why| panic!("{name} cannot be started ({why}); tests/run installs it"));
        let lines = Arc::<Mutex<Vec<String>>>::default();
        keep(process.stdout.take().unwrap(), Arc::clone(&lines));
        keep(process.stderr.take().unwrap(), Arc::clone(&lines));
        Self { name, process, leads_group: false, lines }
    }

    /// Starts a program whose workers outlive it when it is killed.
    pub(crate) fn start_group(command: &mut Command) -> Self {
        let mut child = Self::start(command.process_group(0));
        child.leads_group = true;
        child
    }

    /// Everything that it has printed.
    pub(crate) fn printed(&self) -> Vec<String> {
        self.lines.lock().unwrap().clone()
    }

    /// Waits for a line of what it prints.
    pub(crate) async fn line(&self, wanted: impl Fn(&str) -> bool) -> String {
        until(&format!("a line of {}", self.name), async || self.printed().into_iter().find(|line| wanted(line))).await
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal: `TERM`, `INT`, `HUP`, `KILL`, `STOP`.
    pub(crate) fn signal(&self, name: &str) {
        // The shell's own `kill`: there is one everywhere.
        let script = format!("kill -{name} {}", self.process.id());
        assert!(Command::new("sh").args(["-c", &script]).status().unwrap().success(), "{script}");
    }

    /// Whether it still runs.
    pub(crate) fn runs(&mut self) -> bool {
        self.process.try_wait().unwrap().is_none()
    }

    /// Waits for its end.
    pub(crate) async fn end(&mut self) -> ExitStatus {
        let name = format!("the end of {}", self.name);
        until(&name, async || self.process.try_wait().unwrap()).await
    }

    /// Its largest resident memory so far, in KiB.
    pub(crate) fn peak_memory(&self) -> usize {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.process.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- {} printed:\n{}", self.name, self.printed().join("\n"));
        }
        if self.leads_group {
            let _ = Command::new("sh").args(["-c", &format!("kill -KILL -{}", self.process.id())]).status();
        }
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn keep(from: impl std::io::Read + Send + 'static, lines: Arc<Mutex<Vec<String>>>) {
    thread::spawn(move || {
        for line in BufReader::new(from).split(b'\n').map_while(Result::ok) {
            lines.lock().unwrap().push(String::from_utf8_lossy(&line).into_owned());
        }
    });
}

/// What a program said that ran to its end.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
}

impl Said {
    /// Runs a program to its end, with this on its standard input.
    pub(crate) fn by(command: &mut Command, input: &str) -> Self {
        let piped = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = piped.spawn().unwrap();
        // It may end without having read what it does not need.
        let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Self { code: output.status.code().unwrap_or(-1), out: text(output.stdout), err: text(output.stderr) }
    }

    /// What it printed, where it did what it was asked to.
    #[track_caller]
    pub(crate) fn ok(self) -> String {
        assert_eq!(self.code, 0, "{self:?}");
        self.out
    }

    /// What it printed, as JSON.
    #[track_caller]
    pub(crate) fn json(self) -> serde_json::Value {
        serde_json::from_str(&self.ok()).unwrap()
    }

    /// What it complained of, with this exit code and nothing on standard output.
    #[track_caller]
    pub(crate) fn refused(self, code: i32) -> String {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        self.err
    }
}
