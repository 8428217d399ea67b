//! The scripted XMPP server on a real socket: the embedded server of the demo.
//!
//! Everything is on one port of the loopback interface:
//!
//! - `/` is the demo page, `/dist/` the built package that it imports, `/settings` the page's
//!   settings.
//! - `/xmpp-websocket` speaks RFC 7395. A task for each WebSocket carries frames between its socket
//!   and the one task that owns the [`Server`](epode_testkit::Server) (see [`Control`]); only that
//!   task knows the time.
//! - `/http-bind` speaks BOSH (XEP-0124, XEP-0206) with the same server, by the connection manager of
//!   `epode-testkit`. The query of the address can make the service misbehave.
//! - `/stats` gives the server's connections as JSON: the demo shows by it that many tabs share one
//!   connection.
//! - `/cut` breaks the sockets of an account for some seconds: the demo shows by it that nothing is lost.
//!
//! If [`Options::server`] names a real server, the page connects there, and the last four paths do
//! not exist.
//!
//! ```no_run
//! # async fn demo() -> Result<(), epode_devserver::Error> {
//! let devserver = epode_devserver::Devserver::bind(epode_devserver::Options::default()).await?;
//! let address = devserver.address();
//! devserver.run(std::future::pending()).await?;
//! # Ok(())
//! # }
//! ```

mod bosh;
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
use epode_testkit::{Config, Management};
use thiserror::Error;
use tokio::net::TcpListener;

/// What to serve, and where.
#[derive(Debug, Clone)]
pub struct Options {
    /// The port on 127.0.0.1; 0 for any free port.
    pub port: u16,
    /// The folder of the built package, served at `/dist/`.
    pub files: PathBuf,
    /// A real server's URL for the page to connect to, instead of the embedded server: `ws:` or `wss:` for a
    /// WebSocket, `http:` or `https:` for BOSH.
    pub server: Option<String>,
    /// Whether the page reaches the embedded server by BOSH.
    pub bosh: bool,
    /// The properties of the embedded server. Its epoch is set to the time of day.
    pub config: Config,
    /// The seed of all that the embedded server draws at random.
    pub seed: u64,
}

/// Why the server could not start, or stopped.
#[derive(Debug, Error)]
pub enum Error {
    /// Another program listens on the port.
    #[error("port {port} of 127.0.0.1 is taken; end what listens there, or choose another with --port")]
    PortTaken {
        /// The port.
        port: u16,
    },
    /// The system refused the port for another reason.
    #[error("cannot listen on port {port} of 127.0.0.1")]
    Listen {
        /// The port.
        port: u16,
        /// The system's reason.
        source: io::Error,
    },
    /// Accepting connections failed for good.
    #[error("serving has stopped")]
    Serve(#[source] io::Error),
}

/// A server that listens, and waits for [`run`](Devserver::run).
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
            bosh: false,
            config: Config {
                management: Some(Management::default()),
                registration: true,
                ..Config::default()
            },
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
            None => {
                let limit = options.config.frame_limit;
                let bosh = bosh::routes(control.clone(), limit, options.seed);
                routes.merge(websocket::routes(control.clone(), limit)).merge(bosh)
            }
        };
        Ok(Self { listener, address, routes: pages::uncached(routes), control })
    }

    /// The address at which the server listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Access to the embedded server.
    pub fn control(&self) -> Control {
        self.control.clone()
    }

    /// Serves until `shutdown` completes, then ends each stream with `system-shutdown`.
    pub async fn run(self, shutdown: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let control = self.control;
        let farewell = async move {
            shutdown.await;
            control.shut_down().await;
        };
        axum::serve(self.listener, self.routes).with_graceful_shutdown(farewell).await.map_err(Error::Serve)
    }
}
