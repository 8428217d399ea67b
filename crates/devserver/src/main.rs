//! `epode-devserver [--port N] [--files DIR] [--bosh | --server URL]`

use std::{
    env,
    process::ExitCode,
    time::{SystemTime, UNIX_EPOCH},
};

use anyhow::{Context, Result, bail, ensure};
use epode_devserver::{Devserver, Options};
use tokio::signal;

const USAGE: &str = "\
Serves the demo of Epode, with an XMPP server inside, on the loopback interface.

usage: epode-devserver [--port N] [--files DIR] [--bosh | --server URL]

  --port N      listen on this port, 0 for any (default 5800)
  --files DIR   the built package, served at /dist/ (default client-shim/dist)
  --bosh        let the page reach the server inside by BOSH, not by a WebSocket
  --server URL  let the page connect to this XMPP server, ws://, wss://, or for
                BOSH http:// or https://, instead of the one inside
";

#[tokio::main]
#[expect(clippy::print_stderr, reason = "this is the command line")]
async fn main() -> ExitCode {
    match serve().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("epode-devserver: {error:#}");
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stdout, reason = "`cargo xtask demo` waits for the line that says where")]
async fn serve() -> Result<()> {
    let Some(options) = read(env::args().skip(1))? else {
        print!("{USAGE}");
        return Ok(());
    };
    let devserver = Devserver::bind(options).await?;
    println!(
        "listening on http://{}/\nOpen this address in as many tabs as you like; Ctrl-C ends the demo.",
        devserver.address()
    );
    devserver.run(interrupted()).await?;
    Ok(())
}

/// The options; `None` if the usage was asked for.
fn read(mut arguments: impl Iterator<Item = String>) -> Result<Option<Options>> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_micros();
    let mut options = Options { seed: seed as u64, ..Options::default() };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().with_context(|| format!("{argument} needs a value"));
        match argument.as_str() {
            "--port" => options.port = value()?.parse().context("--port is a number up to 65535")?,
            "--files" => options.files = value()?.into(),
            "--bosh" => options.bosh = true,
            "--server" => options.server = Some(service(value()?)?),
            "--help" | "-h" => return Ok(None),
            _ => bail!("unknown argument {argument}; --help lists them"),
        }
    }
    ensure!(!options.bosh || options.server.is_none(), "--bosh is for the server inside: not with --server");
    Ok(Some(options))
}

fn service(url: String) -> Result<String> {
    if ["ws://", "wss://", "http://", "https://"].iter().any(|scheme| url.starts_with(scheme)) {
        Ok(url)
    } else {
        bail!("--server is a URL of ws://, wss://, http:// or https://, not {url}")
    }
}

async fn interrupted() {
    let terminated = async {
        match signal::unix::signal(signal::unix::SignalKind::terminate()) {
            Ok(mut terminate) => terminate.recv().await,
            Err(_) => std::future::pending().await,
        }
    };
    tokio::select! {
        _ = signal::ctrl_c() => {}
        _ = terminated => {}
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a panic is how a test fails")]

    use super::*;

    fn arguments(line: &str) -> impl Iterator<Item = String> {
        line.split_whitespace().map(str::to_owned)
    }

    #[test]
    fn options_are_read_from_the_command_line() {
        let options =
            read(arguments("--port 0 --files out --server wss://xmpp.example/ws")).unwrap().unwrap();
        assert_eq!((options.port, options.files.to_str()), (0, Some("out")));
        assert_eq!(options.server.as_deref(), Some("wss://xmpp.example/ws"));
        assert_eq!(read(arguments("")).unwrap().unwrap().port, 5800);
        assert!(read(arguments("--bosh")).unwrap().unwrap().bosh);
        assert!(read(arguments("--help")).unwrap().is_none());
    }

    #[test]
    fn a_command_line_that_is_wrong_says_what_is_wrong() {
        for (line, reason) in [
            ("--port", "--port needs a value"),
            ("--port 65536", "--port is a number up to 65535"),
            (
                "--server xmpp.example",
                "--server is a URL of ws://, wss://, http:// or https://, not xmpp.example",
            ),
            ("--bosh --server wss://xmpp.example", "--bosh is for the server inside: not with --server"),
            ("--verbose", "unknown argument --verbose; --help lists them"),
        ] {
            assert_eq!(read(arguments(line)).unwrap_err().to_string(), reason);
        }
    }
}
