//! What stands on the command line.

use anyhow::{Context, Result, bail};

/// How to call this program.
pub const USAGE: &str = "\
usage: cargo xtask build                             build the worker and the npm package into client-shim/dist
       cargo xtask demo [--port N] [--server URL]    build, then serve the demo; URL is a ws:// or wss:// server
       cargo xtask test                              everything that has to hold, in one command
       cargo xtask bench empty-client                what a tab client in wasm costs";

/// One command with its options.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the usage.
    Help,
    /// Build everything that a browser loads.
    Build,
    /// Build and serve the demo.
    Demo(DemoOptions),
    /// Put everything to the test.
    Test,
    /// Measure.
    Bench(Bench),
}

/// Options of the demo.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DemoOptions {
    /// Port on loopback; without it a usual one, or any free one when that is taken.
    pub port: Option<u16>,
    /// WebSocket URL of a server to use instead of the embedded one.
    pub server: Option<String>,
}

/// What can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bench {
    /// Bytes and time to first use of a tab client that does nothing.
    EmptyClient,
}

/// Reads the arguments after the program's name.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command> {
    let mut arguments = arguments.into_iter();
    let Some(name) = arguments.next() else { bail!("no command given") };
    match name.as_str() {
        "build" => without_arguments(arguments, Command::Build),
        "test" => without_arguments(arguments, Command::Test),
        "demo" => demo(arguments).map(Command::Demo),
        "bench" => match arguments.next().as_deref() {
            Some("empty-client") => without_arguments(arguments, Command::Bench(Bench::EmptyClient)),
            Some(other) => bail!("nothing to measure under the name `{other}`"),
            None => bail!("`bench` wants the name of what to measure"),
        },
        "help" | "--help" | "-h" => Ok(Command::Help),
        other => bail!("unknown command `{other}`"),
    }
}

fn without_arguments(mut rest: impl Iterator<Item = String>, command: Command) -> Result<Command> {
    match rest.next() {
        None => Ok(command),
        Some(extra) => bail!("unknown argument `{extra}`"),
    }
}

fn demo(mut arguments: impl Iterator<Item = String>) -> Result<DemoOptions> {
    let mut options = DemoOptions::default();
    while let Some(argument) = arguments.next() {
        let (name, attached) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        let mut value = || attached.clone().or_else(|| arguments.next());
        match name.as_str() {
            "--port" => {
                let port = value().context("`--port` wants a number")?;
                options.port = Some(
                    port.parse()
                        .with_context(|| format!("`--port` wants a number up to 65535, not `{port}`"))?,
                );
            }
            "--server" => {
                let url = value().context("`--server` wants a URL")?;
                if !(url.starts_with("ws://") || url.starts_with("wss://")) {
                    bail!("`--server` wants a ws:// or wss:// URL, not `{url}`");
                }
                options.server = Some(url);
            }
            other => bail!("unknown argument `{other}`"),
        }
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_demo_takes_a_port_and_a_server_in_both_notations() {
        let expected = DemoOptions { port: Some(8080), server: Some("ws://localhost:5280/ws?a=b".into()) };
        let line = "demo --port 8080 --server ws://localhost:5280/ws?a=b";
        assert_eq!(parsed(line), Ok(Command::Demo(expected)));
        let expected = DemoOptions { port: Some(8080), server: None };
        assert_eq!(parsed("demo --port=8080"), Ok(Command::Demo(expected)));
        assert_eq!(parsed("demo"), Ok(Command::Demo(DemoOptions::default())));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, error) in [
            ("", "no command given"),
            ("tset", "unknown command `tset`"),
            ("test --fast", "unknown argument `--fast`"),
            ("demo --port", "`--port` wants a number"),
            ("demo --port 65536", "`--port` wants a number up to 65535, not `65536`"),
            (
                "demo --server http://localhost",
                "`--server` wants a ws:// or wss:// URL, not `http://localhost`",
            ),
            ("bench", "`bench` wants the name of what to measure"),
            ("bench speed", "nothing to measure under the name `speed`"),
        ] {
            assert_eq!(parsed(line), Err(error.to_owned()), "{line}");
        }
    }
}
