//! The demo page, its settings, and the package that it imports.

use axum::{
    Json, Router,
    http::{HeaderValue, header},
    middleware::map_response,
    response::{IntoResponse, Response},
    routing::get,
};
use serde::Serialize;
use tower_http::services::ServeDir;

use crate::Options;

/// The answer to `/settings`.
#[derive(Debug, Clone, Serialize)]
struct Settings {
    /// The real server to connect to; `null` for the embedded one.
    server: Option<String>,
    /// Whether the embedded one is reached by BOSH.
    bosh: bool,
    /// The accounts that can log in with one click; none at a real server.
    accounts: Vec<ReadyMade>,
}

#[derive(Debug, Clone, Serialize)]
struct ReadyMade {
    jid: String,
    password: String,
}

pub(crate) fn routes(options: &Options) -> Router {
    let settings = Settings::of(options);
    Router::new()
        .route("/", get(|| page("text/html; charset=utf-8", include_str!("../page/index.html"))))
        .route("/demo.js", get(|| page("text/javascript; charset=utf-8", include_str!("../page/demo.js"))))
        .route("/demo.css", get(|| page("text/css; charset=utf-8", include_str!("../page/demo.css"))))
        .route("/settings", get(|| async { Json(settings) }))
        .nest_service("/dist", ServeDir::new(&options.files))
}

/// Forbids caching, so that a reload after a build shows the new files.
pub(crate) fn uncached(routes: Router) -> Router {
    routes.layer(map_response(|mut response: Response| async {
        response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }))
}

async fn page(content_type: &'static str, text: &'static str) -> impl IntoResponse {
    ([(header::CONTENT_TYPE, content_type)], text)
}

impl Settings {
    fn of(options: &Options) -> Self {
        let config = &options.config;
        let accounts = match options.server {
            Some(_) => &[],
            None => config.accounts.as_slice(),
        };
        let ready_made = accounts.iter().map(|account| ReadyMade {
            jid: format!("{}@{}", account.user, config.domain),
            password: account.password.clone(),
        });
        Self { server: options.server.clone(), bosh: options.bosh, accounts: ready_made.collect() }
    }
}
