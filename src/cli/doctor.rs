//! `portcullis doctor`: why it does not work, and what to do about it.

use clap::Args;

use super::{
    ConfigFile, Done, Failed,
    checkup::{self, Finding},
    output::say,
};

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
        found.push(checkup::store(&config));
        found.extend(checkup::ports(&config));
        found.extend(checkup::entrance(&config));
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
