//! The commands of this repository. Each runs through stages, prints the time of each, and ends
//! with a line that tells the outcome:
//!
//! - [`args`] reads the command line;
//! - [`setup`] installs missing tools: the wasm target and the npm packages, and for the tests
//!   browsers and XMPP servers;
//! - [`build`] turns the two wasm crates and their TypeScript into `client-shim/dist`;
//! - [`demo`] serves that folder with the embedded server, [`test`](mod@test) runs all checks and
//!   tests, [`chaos`] breaks the network, [`bench`](mod@bench) measures;
//! - [`stage`] times and prints stages, [`process`] runs other programs with a time limit.

// A command-line tool: the terminal is its output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod bench;
mod build;
mod chaos;
mod demo;
mod process;
mod setup;
mod stage;
mod test;
mod workspace;

use std::process::ExitCode;

use args::Command;

fn main() -> ExitCode {
    let command = match args::parse(std::env::args().skip(1)) {
        Ok(command) => command,
        Err(error) => {
            eprintln!("error: {error}\n\n{}", args::USAGE);
            return ExitCode::from(2);
        }
    };
    let outcome = match command {
        Command::Help => {
            println!("{}", args::USAGE);
            return ExitCode::SUCCESS;
        }
        Command::Build => build::command(),
        Command::Demo(options) => demo::command(&options),
        Command::Test => return test::command(),
        Command::TestApps => return test::apps(),
        Command::Chaos(seed) => chaos::command(seed),
        Command::Bench(bench) => bench::command(bench),
    };
    match outcome {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            println!("failed: {error}");
            ExitCode::FAILURE
        }
    }
}
