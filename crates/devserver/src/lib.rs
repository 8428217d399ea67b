//! The scripted XMPP server on a real socket: the embedded server of the demo.
//!
//! Everything is on one port of the loopback interface:
//!
//! - `/` is the demo page, `/dist/` the built package that it imports, `/settings` what the page has to know.
//! - `/xmpp-websocket` speaks RFC 7395. Each WebSocket is a task which carries frames between its socket and
//!   the one task that owns the [`Server`](epode_testkit::Server) (see [`Control`]); that task alone knows
//!   the time.
//! - `/stats` tells how many connections that server sees, as JSON. It is how the demo shows that many tabs
//!   are one.
//!
//! Pointed at a real server ([`Options::server`]), the page connects there, and the last two are gone.
//!
//! ```no_run
//! # async fn demo() -> Result<(), epode_devserver::Error> {
//! let devserver = epode_devserver::Devserver::bind(epode_devserver::Options::default()).await?;
//! let address = devserver.address();
//! devserver.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

mod embedded;
mod pages;
mod websocket;

use std::{
    future::Future,
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
};

use axum::Router;
pub use embedded::Control;
use epode_testkit::Config;
use thiserror::Error;
use tokio::net::TcpListener;

/// What is served, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for any that is free.
    pub port: u16,
    /// The folder of the built package, served at `/dist/`.
    pub files: PathBuf,
    /// A real server's `ws:` or `wss:` URL for the page to connect to, instead of the embedded server.
    pub server: Option<String>,
    /// What the embedded server is and offers. Its epoch is set to the time of day.
    pub config: Config,
    /// All that the embedded server draws at random belongs to this.
    pub seed: u64,
}

/// Why there is no server.
#[derive(Debug, Error)]
pub enum Error {
    /// Somebody else listens on the port.
    #[error("port {port} of 127.0.0.1 is taken; end what listens there, or choose another with --port")]
    PortTaken {
        /// The port in question.
        port: u16,
    },
    /// The system refused the port for another reason.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port in question.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// Accepting connections failed for good.
    #[error("serving has stopped")]
    Serve(#[source] io::Error),
}

/// A server that listens and waits to be run.
#[derive(Debug)]
pub struct Devserver {
    listener: TcpListener,
    address: SocketAddr,
    routes: Router,
    control: Control,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 5800,
            files: PathBuf::from("client-shim/dist"),
            server: None,
            config: Config::default(),
            seed: 0,
        }
    }
}

impl Devserver {
    /// Takes the port and starts the embedded server. Connections wait until [`run`](Self::run).
    pub async fn bind(options: Options) -> Result<Self, Error> {
        let port = options.port;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|source| match source.kind() {
                io::ErrorKind::AddrInUse => Error::PortTaken { port },
                _ => Error::Listen { port, source },
            })?;
        let address = listener.local_addr().map_err(|source| Error::Listen { port, source })?;
        let control = embedded::start(options.config.clone(), options.seed);
        let routes = pages::routes(&options);
        let routes = match options.server {
            Some(_) => routes,
            None => routes.merge(websocket::routes(control.clone(), options.config.frame_limit)),
        };
        Ok(Self { listener, address, routes: pages::uncached(routes), control })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The script of the embedded server.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Serves until `shutdown` is there, then ends each stream with `system-shutdown`.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let control = self.control;
        let farewell = async move {
            shutdown.await;
            control.shut_down().await;
        };
        axum::serve(self.listener, self.routes).with_graceful_shutdown(farewell).await.map_err(Error::Serve)
    }
}
