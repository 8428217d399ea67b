//! The commands of this repository. Each goes through stages, says what each took, and ends in one line that
//! tells the outcome:
//!
//! - [`args`] reads which command is meant;
//! - [`setup`] installs what the machine lacks for it: the wasm target, the npm tools, and for the tests
//!   browsers and XMPP servers;
//! - [`build`] turns the two wasm crates and their TypeScript into `client-shim/dist`;
//! - [`demo`] serves that with the embedded server, [`test`](mod@test) puts everything to the test,
//!   [`bench`](mod@bench) measures;
//! - [`stage`] times and prints, [`process`] runs other programs with a time limit.

// A command-line tool: the terminal is its output.
#![allow(clippy::print_stdout, clippy::print_stderr)]

mod args;
mod bench;
mod build;
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
