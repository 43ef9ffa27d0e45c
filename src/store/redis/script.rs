//! The scripts: constant text, with keys and arguments beside it. Everything that must be one step is one of them.

use std::sync::LazyLock;

use redis::{Cmd, Pipeline, RedisError, aio::MultiplexedConnection};

/// A script that Redis runs in one step.
pub(super) struct Script {
    text: &'static str,
    /// What Redis calls it by, once it has been told.
    hash: String,
}

macro_rules! scripts {
    ($($name:ident = $($file:literal)+;)*) => {
        $(pub(super) static $name: LazyLock<Script> = LazyLock::new(|| {
            let text = concat!($(include_str!(concat!("scripts/", $file))),+);
            Script { text, hash: redis::Script::new(text).get_hash().to_owned() }
        });)*

        fn every() -> Vec<&'static Script> {
            vec![$(&*$name),*]
        }
    };
}

scripts! {
    OWNER = "common.lua" "owner.lua";
    OPEN = "common.lua" "open.lua";
    END = "common.lua" "go_on.lua" "end.lua";
    MARK = "go_on.lua" "mark.lua";
    ANNOUNCE = "go_on.lua" "announce.lua";
    TOUCH = "touch.lua";
    CLAMP = "clamp.lua";
    TOLD = "told.lua";
    ATTEMPT = "go_on.lua" "attempt.lua";
    SETTLE = "go_on.lua" "settle.lua";
    PROBE = "probe.lua";

    RECORD = "go_on.lua" "records/journal.lua" "records/record.lua";
    MERGE = "records/journal.lua" "records/merge.lua";
    HISTORY = "records/history.lua";
    TRAIL = "records/trail.lua";
    FORGET = "records/forget.lua";
    ADD = "records/journal.lua" "records/add.lua";
    ALIAS = "records/alias.lua";
    ALTER = "go_on.lua" "records/journal.lua" "records/devices.lua" "records/alter.lua";
    LOGIN = "records/login.lua";
    ACCOUNTS = "records/accounts.lua";
    REHASH = "records/rehash.lua";
    PUT_LINK = "records/journal.lua" "records/put_link.lua";
    LINK = "records/link.lua";
    MEET = "records/devices.lua" "records/meet.lua";
    FORGET_DEVICES = "records/devices.lua" "records/forget_devices.lua";
    CLAMP_DEVICES = "records/devices.lua" "records/clamp_devices.lua";
    CLAMP_LINK = "records/clamp_link.lua";
}

impl Script {
    /// A call of this script.
    pub(super) fn call<K: AsRef<str>, A: AsRef<str>>(&'static self, keys: &[K], arguments: &[A]) -> Call {
        let mut by_hash = redis::cmd("EVALSHA");
        by_hash.arg(&self.hash).arg(keys.len());
        for word in keys.iter().map(AsRef::as_ref).chain(arguments.iter().map(AsRef::as_ref)) {
            by_hash.arg(word);
        }
        Call { script: self, by_hash }
    }

    /// Tells a server all of them.
    pub(super) async fn teach_all(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let mut all = Pipeline::new();
        for script in every() {
            all.cmd("SCRIPT").arg("LOAD").arg(script.text).ignore();
        }
        all.query_async(connection).await
    }
}

/// One call of a script.
pub(super) struct Call {
    script: &'static Script,
    by_hash: Cmd,
}

impl Call {
    pub(super) const fn by_hash(&self) -> &Cmd {
        &self.by_hash
    }

    /// The same, with the text of the script in place of its hash.
    pub(super) fn by_text(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.script.text);
        for argument in self.by_hash.args_iter().skip(2) {
            if let redis::Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        command
    }
}
