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

        fn all_scripts() -> Vec<&'static Script> {
            vec![$(&*$name),*]
        }
    };
}

scripts! {
    PUT_USER = "common.lua" "owner.lua";
    OPEN = "common.lua" "open.lua";
    END = "common.lua" "go_on.lua" "end.lua";
    MARK_PENDING = "go_on.lua" "mark.lua";
    APPEND_END_LOG = "go_on.lua" "announce.lua";
    TOUCH = "touch.lua";
    CLAMP = "clamp.lua";
    CLEAR_PENDING = "told.lua";
    ATTEMPT = "go_on.lua" "attempt.lua";
    FINISH_ATTEMPT = "go_on.lua" "settle.lua";
    PROBE = "probe.lua";

    RECORD_ENTRIES = "go_on.lua" "records/journal.lua" "records/record.lua";
    UPSERT_COUNTS = "records/journal.lua" "records/merge.lua";
    LOGIN_HISTORY = "records/history.lua";
    AUDIT_TRAIL = "records/trail.lua";
    DELETE_ENTRIES = "records/forget.lua";
    ADD_ACCOUNT = "records/journal.lua" "records/add.lua";
    ADD_ALIASES = "records/alias.lua";
    CHANGE_ACCOUNT = "go_on.lua" "records/journal.lua" "records/devices.lua" "records/alter.lua";
    FIND_LOGIN = "records/login.lua";
    LIST_ACCOUNTS = "records/accounts.lua";
    REPLACE_HASH = "records/rehash.lua";
    PUT_LINK = "records/journal.lua" "records/put_link.lua";
    FIND_LINK = "records/link.lua";
    REGISTER_DEVICE = "records/devices.lua" "records/meet.lua";
    FORGET_DEVICES = "records/devices.lua" "records/forget_devices.lua";
    CLAMP_DEVICES = "records/devices.lua" "records/clamp_devices.lua";
    CLAMP_LINK = "records/clamp_link.lua";
}

impl Script {
    /// A call of this script.
    pub(super) fn call<K: AsRef<str>, A: AsRef<str>>(&'static self, keys: &[K], arguments: &[A]) -> ScriptCall {
        let mut by_hash = redis::cmd("EVALSHA");
        by_hash.arg(&self.hash).arg(keys.len());
        for word in keys.iter().map(AsRef::as_ref).chain(arguments.iter().map(AsRef::as_ref)) {
            by_hash.arg(word);
        }
        ScriptCall { script: self, evalsha: by_hash }
    }

    /// Tells a server all of them.
    pub(super) async fn load_all(connection: &mut MultiplexedConnection) -> Result<(), RedisError> {
        let mut all = Pipeline::new();
        for script in all_scripts() {
            all.cmd("SCRIPT").arg("LOAD").arg(script.text).ignore();
        }
        all.query_async(connection).await
    }
}

/// One call of a script.
pub(super) struct ScriptCall {
    script: &'static Script,
    evalsha: Cmd,
}

impl ScriptCall {
    pub(super) const fn evalsha(&self) -> &Cmd {
        &self.evalsha
    }

    /// The same, with the text of the script in place of its hash.
    pub(super) fn eval(&self) -> Cmd {
        let mut command = redis::cmd("EVAL");
        command.arg(self.script.text);
        for argument in self.evalsha.args_iter().skip(2) {
            if let redis::Arg::Simple(bytes) = argument {
                command.arg(bytes);
            }
        }
        command
    }
}
