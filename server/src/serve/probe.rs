//! `/livez`, `/readyz` and `/metrics`, in plain HTTP.
#![allow(clippy::disallowed_methods, reason = "the page of metrics waits for the node, the probes must not")]

use super::connection::Connection;
use super::lifecycle::Standing;
use super::metrics::Metrics;
use http::{Method, Request, Response, StatusCode};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

/// A request's head has to be there by then.
const HEAD_WAIT: Duration = Duration::from_secs(5);

/// What the probes say.
pub struct Probe {
    /// Where the node stands.
    pub standing: Arc<Standing>,
    /// What is counted.
    pub metrics: Arc<Metrics>,
}

impl Probe {
    /// Answers the requests of one connection.
    pub async fn serve(self: Arc<Probe>, connection: Connection) {
        let answer = service_fn(move |request: Request<Incoming>| {
            let (probe, method, path) =
                (self.clone(), request.method().clone(), request.uri().path().to_owned());
            async move { Ok::<_, Infallible>(probe.answer(&method, &path).await) }
        });
        let mut server = http1::Builder::new();
        server.timer(TokioTimer::new()).header_read_timeout(HEAD_WAIT).keep_alive(true);
        // What breaks a connection here concerns nobody else.
        let _ = server.serve_connection(TokioIo::new(connection), answer).await;
    }

    async fn answer(self: Arc<Probe>, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if method != Method::GET && method != Method::HEAD {
            return text(StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned());
        }
        match path {
            "/livez" => text(StatusCode::OK, "ok\n".to_owned()),
            "/readyz" => match self.standing.unready() {
                None => text(StatusCode::OK, "ok\n".to_owned()),
                Some(why) => text(StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")),
            },
            "/metrics" => {
                // It asks the node, which may be busy with a change.
                let page = tokio::task::spawn_blocking(move || self.metrics.text()).await;
                let mut answer = text(StatusCode::OK, page.unwrap_or_default());
                let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
                answer.headers_mut().insert("content-type", http::HeaderValue::from_static(kind));
                answer
            }
            _ => text(StatusCode::NOT_FOUND, "try /livez, /readyz or /metrics\n".to_owned()),
        }
    }
}

fn text(status: StatusCode, body: String) -> Response<Full<Bytes>> {
    let mut answer = Response::new(Full::from(body));
    *answer.status_mut() = status;
    answer.headers_mut().insert("content-type", http::HeaderValue::from_static("text/plain; charset=utf-8"));
    answer
}
