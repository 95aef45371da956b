//! `config check` and `config init`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};

use super::init::template;
use crate::args::{ConfigArgs, ConfigCommand};
use crate::exit::{Failure, Outcome};
use crate::output::print_line;

pub(crate) async fn run(command: ConfigCommand) -> Result<Outcome, Failure> {
    match command {
        ConfigCommand::Check(args) => check(&args).await,
        ConfigCommand::Init(args) => init(&args),
    }
}

async fn check(args: &ConfigArgs) -> Result<Outcome, Failure> {
    let config = args.load()?;
    crate::host::look_at_files(&config).await?;
    let path = args.config.display();
    let (sources, server) = (config.sources.len(), &config.server.url);
    print_line(format_args!("{path} can be used: {sources} sources, the server {server}"))?;
    print_line(format_args!("the store is in {}", config.store.data_dir.display()))?;
    for warning in config.warnings() {
        print_line(format_args!("warning: {warning}"))?;
    }
    Ok(Outcome::Done)
}

fn init(args: &ConfigArgs) -> Result<Outcome, Failure> {
    let path = &args.config;
    let file = OpenOptions::new().write(true).create_new(true).open(path);
    let written = file.and_then(|mut file| {
        file.write_all(template().as_bytes())?;
        file.sync_all()
    });
    match written {
        Ok(()) => {
            print_line(format_args!(
                "{} is written; `earmark config check` reads it",
                path.display()
            ))?;
            Ok(Outcome::Done)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            Err(Failure::unusable(format!("{} is there already; it stays", path.display())))
        }
        Err(error) => Err(Failure::named("--config", path, &error)),
    }
}
