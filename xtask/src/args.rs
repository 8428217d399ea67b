//! The command line.

use std::path::Path;

use anyhow::{Context, Result, bail, ensure};

/// The usage, as printed.
pub const USAGE: &str = "\
usage: cargo xtask build                             build worker and npm package into client-shim/dist
       cargo xtask demo [OPTIONS]                    build, then serve the demo
           --port N            the port on loopback; 5800, or any free one
           --bosh              by BOSH in the place of a WebSocket
           --server URL        a server of your own: ws://, wss://, or for BOSH http://, https://
       cargo xtask test                              everything that has to hold, in one command
       cargo xtask test --apps                       only apps, but built by every tool of docs/apps.md
       cargo xtask chaos [--seed N]                  10,000 messages over 50 breaks and 2 restarts
       cargo xtask bench [OPTIONS]                   Epode beside Strophe and hand-written workers
           --browser NAME      chromium (the default) or firefox
           --rounds N          how often each contestant takes its turn; 3
           --tabs N,N…         how many tabs; 1,4,16
           --only NAME,NAME…   footprint, flood, claims, latency, uplink, further, first, raw;
                               idle, which takes minutes, only if named
           --sources NAME,…    scripted and prosody, where the stanzas come from; both
           --transport NAME    bosh: a session over BOSH instead, beside Strophe without a worker
           --contestants NAME,…  who takes part: epode, strophe-on-epode, strophe-worker, strophe-tabs, posts,
                               batches; strophe-on-one-file only if named
           --managed           with stream management (XEP-0198) in servers, Epode and Strophe
           --before FOLDER     another build's client-shim/dist, beside which this one is measured
           --quick             one round of short floods with 1 and 16 tabs
       cargo xtask bench empty-client                what a tab client in wasm costs
       cargo xtask bench element                     what the element of one stanza costs a tab
       cargo xtask bench storm [OPTIONS]             who dials when after a server was away, simulated
           --tabs N        the tabs of each browser; 4
           --seed N        for the jitter; 1";

/// The contestants of the comparison: `tests/bench/compare/contestants.mjs` has the same names.
const CONTESTANTS: [&str; 7] = [
    "epode",
    "strophe-on-epode",
    "strophe-on-one-file",
    "strophe-worker",
    "strophe-tabs",
    "posts",
    "batches",
];

/// The measurements of each contestant, as `tests/bench/compare/rounds.mjs` names them.
const SCENARIOS: [&str; 9] =
    ["footprint", "idle", "flood", "claims", "latency", "uplink", "further", "first", "raw"];

/// One command with its options.
#[derive(Debug, PartialEq, Eq)]
pub enum Command {
    /// Print the usage.
    Help,
    /// Build everything that a browser loads.
    Build,
    /// Build and serve the demo.
    Demo(DemoOptions),
    /// Run all checks and tests.
    Test,
    /// Put apps of all build tools to the test.
    TestApps,
    /// Send messages over a network that breaks, with this seed.
    Chaos(u64),
    /// Measure.
    Bench(Bench),
}

/// Options of the demo.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct DemoOptions {
    /// The port on loopback. By default the usual one, or any free one if that is taken.
    pub port: Option<u16>,
    /// URL of a server to use instead of the embedded one.
    pub server: Option<String>,
    /// Whether the page reaches the embedded server by BOSH.
    pub bosh: bool,
}

/// The measurements.
#[derive(Debug, PartialEq, Eq)]
pub enum Bench {
    /// Bytes and time to first use of a tab client that does nothing.
    EmptyClient,
    /// The time that a tab takes to make the element of a stanza.
    Element,
    /// Browsers that lost a server together, simulated.
    Storm {
        /// The number of tabs of each browser.
        tabs: u64,
        /// The seed for the jitter.
        seed: u64,
    },
    /// Epode beside others, with these options for `tests/bench/compare/run.mjs`.
    Compare(Vec<String>),
}

/// Reads the arguments that follow the program's name.
pub fn parse(arguments: impl IntoIterator<Item = String>) -> Result<Command> {
    let mut arguments = arguments.into_iter();
    let Some(name) = arguments.next() else { bail!("no command given") };
    match name.as_str() {
        "build" => without_arguments(arguments, Command::Build),
        "test" => {
            let mut arguments = arguments.peekable();
            let apps = arguments.next_if(|first| first == "--apps").is_some();
            without_arguments(arguments, if apps { Command::TestApps } else { Command::Test })
        }
        "demo" => demo(arguments).map(Command::Demo),
        "chaos" => chaos(arguments).map(Command::Chaos),
        "bench" => bench(arguments).map(Command::Bench),
        "help" | "--help" | "-h" => Ok(Command::Help),
        other => bail!("unknown command `{other}`"),
    }
}

fn without_arguments<T>(mut rest: impl Iterator<Item = String>, command: T) -> Result<T> {
    match rest.next() {
        None => Ok(command),
        Some(extra) => bail!("unknown argument `{extra}`"),
    }
}

fn demo(arguments: impl Iterator<Item = String>) -> Result<DemoOptions> {
    let mut options = DemoOptions::default();
    let mut arguments = Arguments::of(arguments);
    while let Some(name) = arguments.next()? {
        match name.as_str() {
            "--port" => {
                let port = arguments.value("a number")?;
                options.port = Some(
                    port.parse()
                        .with_context(|| format!("`--port` wants a number up to 65535, not `{port}`"))?,
                );
            }
            "--server" => {
                let url = arguments.value("a URL")?;
                let schemes = ["ws://", "wss://", "http://", "https://"];
                ensure!(
                    schemes.iter().any(|scheme| url.starts_with(scheme)),
                    "`--server` wants a URL of ws://, wss://, http:// or https://, not `{url}`"
                );
                options.server = Some(url);
            }
            "--bosh" => options.bosh = true,
            other => bail!("unknown argument `{other}`"),
        }
    }
    ensure!(
        !options.bosh || options.server.is_none(),
        "`--bosh` is for the server inside: not with `--server`"
    );
    Ok(options)
}

fn chaos(arguments: impl Iterator<Item = String>) -> Result<u64> {
    let mut seed = 1;
    let mut arguments = Arguments::of(arguments);
    while let Some(name) = arguments.next()? {
        match name.as_str() {
            "--seed" => seed = arguments.number()?,
            other => bail!("unknown argument `{other}`"),
        }
    }
    Ok(seed)
}

fn bench(arguments: impl Iterator<Item = String>) -> Result<Bench> {
    let mut arguments = arguments.peekable();
    if let Some(name) = arguments.next_if(|first| !first.starts_with("--")) {
        return match name.as_str() {
            "empty-client" => without_arguments(arguments, Bench::EmptyClient),
            "element" => without_arguments(arguments, Bench::Element),
            "storm" => storm(arguments),
            other => bail!("nothing to measure under the name `{other}`"),
        };
    }
    let mut passed_on = Vec::new();
    let mut arguments = Arguments::of(arguments);
    while let Some(name) = arguments.next()? {
        let (wants, fits): (_, fn(&str) -> bool) = match name.as_str() {
            "--quick" | "--managed" => {
                passed_on.push(name);
                continue;
            }
            "--transport" => ("websocket or bosh", |value| matches!(value, "websocket" | "bosh")),
            "--before" => ("a folder with epode.js and epode-worker.js", is_build),
            "--browser" => ("chromium or firefox", |value| matches!(value, "chromium" | "firefox")),
            "--rounds" => ("a number from 1 on", is_count),
            "--tabs" => ("numbers from 1 on, separated by commas", |value| value.split(',').all(is_count)),
            "--contestants" => {
                ("names of contestants, separated by commas", |value| value.split(',').all(is_contestant))
            }
            "--sources" => ("scripted, prosody or both, separated by a comma", |value| {
                value.split(',').all(|name| matches!(name, "scripted" | "prosody"))
            }),
            "--only" => {
                ("names of what to measure, separated by commas", |value| value.split(',').all(is_scenario))
            }
            other => bail!("unknown argument `{other}`"),
        };
        let value = arguments.value(wants)?;
        ensure!(fits(&value), "`{name}` wants {wants}, not `{value}`");
        passed_on.extend([name, value]);
    }
    Ok(Bench::Compare(passed_on))
}

fn storm(arguments: impl Iterator<Item = String>) -> Result<Bench> {
    let (mut tabs, mut seed) = (4, 1);
    let mut arguments = Arguments::of(arguments);
    while let Some(name) = arguments.next()? {
        match name.as_str() {
            "--tabs" => {
                let value = arguments.value("a number from 1 to 255")?;
                ensure!(is_count(&value), "`--tabs` wants a number from 1 to 255, not `{value}`");
                tabs = value.parse()?;
            }
            "--seed" => seed = arguments.number()?,
            other => bail!("unknown argument `{other}`"),
        }
    }
    Ok(Bench::Storm { tabs, seed })
}

fn is_count(value: &str) -> bool {
    value.parse::<u8>().is_ok_and(|count| count > 0)
}

fn is_build(folder: &str) -> bool {
    ["epode.js", "epode-worker.js"].iter().all(|file| Path::new(folder).join(file).is_file())
}

fn is_scenario(name: &str) -> bool {
    SCENARIOS.contains(&name)
}

fn is_contestant(name: &str) -> bool {
    CONTESTANTS.contains(&name)
}

/// Options with their values, as `--name value` or `--name=value`.
struct Arguments<I> {
    rest: I,
    name: String,
    attached: Option<String>,
}

impl<I: Iterator<Item = String>> Arguments<I> {
    fn of(rest: I) -> Self {
        Self { rest, name: String::new(), attached: None }
    }

    /// The next option's name. Fails if the option before got a value that it does not take.
    fn next(&mut self) -> Result<Option<String>> {
        ensure!(self.attached.is_none(), "`{}` takes no value", self.name);
        let Some(argument) = self.rest.next() else { return Ok(None) };
        (self.name, self.attached) = match argument.split_once('=') {
            Some((name, value)) => (name.to_owned(), Some(value.to_owned())),
            None => (argument, None),
        };
        Ok(Some(self.name.clone()))
    }

    /// The value of the option just read.
    fn value(&mut self, wants: &str) -> Result<String> {
        let value = self.attached.take().or_else(|| self.rest.next());
        value.with_context(|| format!("`{}` wants {wants}", self.name))
    }

    /// The value of the option just read, if any number will do.
    fn number(&mut self) -> Result<u64> {
        let value = self.value("a number")?;
        value.parse().with_context(|| format!("`{}` wants a number, not `{value}`", self.name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> Result<Command, String> {
        parse(line.split_whitespace().map(str::to_owned)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_demo_takes_a_port_and_a_server_in_both_notations() {
        let expected =
            DemoOptions { port: Some(8080), server: Some("ws://localhost:5280/ws?a=b".into()), bosh: false };
        let line = "demo --port 8080 --server ws://localhost:5280/ws?a=b";
        assert_eq!(parsed(line), Ok(Command::Demo(expected)));
        let expected = DemoOptions { port: Some(8080), ..DemoOptions::default() };
        assert_eq!(parsed("demo --port=8080"), Ok(Command::Demo(expected)));
        assert_eq!(parsed("demo"), Ok(Command::Demo(DemoOptions::default())));
        let expected = DemoOptions { bosh: true, ..DemoOptions::default() };
        assert_eq!(parsed("demo --bosh"), Ok(Command::Demo(expected)));
    }

    #[test]
    fn apps_can_be_tested_alone() {
        assert_eq!(parsed("test"), Ok(Command::Test));
        assert_eq!(parsed("test --apps"), Ok(Command::TestApps));
    }

    #[test]
    fn chaos_has_a_seed() {
        assert_eq!(parsed("chaos"), Ok(Command::Chaos(1)));
        assert_eq!(parsed("chaos --seed 42"), Ok(Command::Chaos(42)));
    }

    #[test]
    fn what_the_bench_is_to_measure_is_passed_on() {
        let options = |line: &str| line.split_whitespace().map(str::to_owned).collect();
        assert_eq!(parsed("bench"), Ok(Command::Bench(Bench::Compare(Vec::new()))));
        let line = "--only flood,idle --tabs 1,16 --quick --managed --contestants epode,posts --rounds 5";
        let expected = Bench::Compare(options(line));
        assert_eq!(
            parsed(
                "bench --only=flood,idle --tabs=1,16 --quick --managed --contestants epode,posts --rounds 5"
            ),
            Ok(Command::Bench(expected))
        );
        assert_eq!(parsed("bench empty-client"), Ok(Command::Bench(Bench::EmptyClient)));
        assert_eq!(parsed("bench element"), Ok(Command::Bench(Bench::Element)));
        assert_eq!(parsed("bench storm"), Ok(Command::Bench(Bench::Storm { tabs: 4, seed: 1 })));
        let expected = Bench::Storm { tabs: 16, seed: 7 };
        assert_eq!(parsed("bench storm --tabs=16 --seed 7"), Ok(Command::Bench(expected)));
    }

    #[test]
    fn what_is_not_understood_is_named() {
        for (line, error) in [
            ("", "no command given"),
            ("tset", "unknown command `tset`"),
            ("test --fast", "unknown argument `--fast`"),
            ("test --apps vite", "unknown argument `vite`"),
            ("demo --port", "`--port` wants a number"),
            ("demo --port 65536", "`--port` wants a number up to 65535, not `65536`"),
            (
                "demo --server localhost",
                "`--server` wants a URL of ws://, wss://, http:// or https://, not `localhost`",
            ),
            ("demo --bosh --server wss://a", "`--bosh` is for the server inside: not with `--server`"),
            ("chaos 42", "unknown argument `42`"),
            ("chaos --seed -1", "`--seed` wants a number, not `-1`"),
            ("bench speed", "nothing to measure under the name `speed`"),
            ("bench --browser safari", "`--browser` wants chromium or firefox, not `safari`"),
            ("bench storm --tabs 0", "`--tabs` wants a number from 1 to 255, not `0`"),
            ("bench storm --seed x", "`--seed` wants a number, not `x`"),
            ("bench storm 1000", "unknown argument `1000`"),
            ("bench --rounds 0", "`--rounds` wants a number from 1 on, not `0`"),
            ("bench --tabs 1,,4", "`--tabs` wants numbers from 1 on, separated by commas, not `1,,4`"),
            (
                "bench --only speed",
                "`--only` wants names of what to measure, separated by commas, not `speed`",
            ),
            (
                "bench --sources ejabberd",
                "`--sources` wants scripted, prosody or both, separated by a comma, not `ejabberd`",
            ),
            ("bench --transport tcp", "`--transport` wants websocket or bosh, not `tcp`"),
            (
                "bench --before /nowhere",
                "`--before` wants a folder with epode.js and epode-worker.js, not `/nowhere`",
            ),
            ("bench --quick=1", "`--quick` takes no value"),
        ] {
            assert_eq!(parsed(line), Err(error.to_owned()), "{line}");
        }
    }
}
