//! `portcullis doctor`: why it does not work, and what to do about it.

use clap::Args;

use super::{
    ConfigFile, Done, Failed,
    checkup::{self, Finding},
    healthcheck::{self, Told},
    look_alikes,
    output::say,
};
use crate::config::Config;

/// Looks for what is wrong with this installation, and says what to do
#[derive(Debug, Args)]
#[command(after_help = "Changes nothing, and may run beside the server. Exit 0: nothing is wrong.\n\n\
                        Example: portcullis doctor -c /etc/portcullis/portcullis.yaml")]
pub(super) struct Doctor {
    #[command(flatten)]
    file: ConfigFile,
}

impl Doctor {
    pub(super) fn run(self) -> Done {
        let (path, config) = self.file.load()?;
        let mut found = vec![Finding::Fine(format!("{}: no complaints", path.display()))];
        found.extend(checkup::files(&path, &config));
        found.extend(checkup::stores(&config));
        found.extend(look_alikes::accounts(&config));
        found.extend(checkup::bare_passwords(&config));
        found.extend(checkup::visitors(&config));
        found.extend(server(&config));
        found.extend(checkup::ports(&config));
        found.extend(checkup::entrance(&config));
        found.extend(checkup::certificate(&config));
        found.extend(checkup::apps(&config));
        found.push(checkup::time());
        let mut wrong = 0;
        for finding in found {
            match finding {
                Finding::Fine(said) => say(&format!("ok     {said}")),
                Finding::Odd(said) => say(&format!("look   {said}")),
                Finding::Wrong(said) => {
                    say(&format!("WRONG  {said}"));
                    wrong += 1;
                }
            }
        }
        match wrong {
            0 => Ok(()),
            1 => Err(Failed::No("1 thing is wrong".to_owned())),
            more => Err(Failed::No(format!("{more} things are wrong"))),
        }
    }
}

/// What the running server says of itself: it may be worse off than a look from outside can tell. None where none answers.
fn server(config: &Config) -> Option<Finding> {
    let address = config.admin.listen;
    if checkup::Running::asked(config) == checkup::Running::Others {
        return Some(Finding::Wrong(format!(
            "server: another installation of Portcullis answers at {address} (its secret is another one); this one does not run, \
             or listens elsewhere"
        )));
    }
    match Told::by(&healthcheck::ask(address).ok()?) {
        Told::Ready(_) => Some(Finding::Fine(format!("server: the one that runs says at {address} that it is ready"))),
        Told::NotReady(why) => Some(Finding::Wrong(format!("server: the one that runs says at {address}: {why}"))),
        Told::Else(_) => None,
    }
}
