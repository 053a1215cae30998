use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    task::JoinSet,
    time::{sleep, timeout},
};
use tokio_util::sync::CancellationToken;

/// That of OpenMetrics, without which Prometheus would not know the form of the text.
const OPEN_METRICS: HeaderValue =
    HeaderValue::from_static("application/openmetrics-text; version=1.0.0; charset=utf-8");

/// Prometheus needs one. A bound keeps others from taking all file descriptors of the process.
const MAX_CONNECTIONS: usize = 64;

/// How long a client may take to send what it wants.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);

/// How long an answer that is under way may take when the server closes.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// How long to wait when a connection cannot be accepted, such as for lack of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Makes the text of an answer.
pub(super) type Text = Arc<dyn Fn() -> String + Send + Sync>;

/// Answers `GET /metrics` until it is closed.
pub(super) async fn serve(listener: TcpListener, text: Text, closed: CancellationToken) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            biased;
            () = closed.cancelled() => break,
            Some(_) = connections.join_next() => {}
            accepted = listener.accept(), if connections.len() < MAX_CONNECTIONS => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(serve_connection(stream, text.clone(), closed.clone()));
                }
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
    drop(listener);
    let ended = async { while connections.join_next().await.is_some() {} };
    // What has not ended by then is aborted.
    let _ = timeout(CLOSE_TIMEOUT, ended).await;
}

async fn serve_connection(stream: TcpStream, text: Text, closed: CancellationToken) {
    let service = service_fn(|request| {
        let response = respond(&request, &text);
        async { Ok::<_, Infallible>(response) }
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEADER_TIMEOUT);
    let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
    // A client that breaks the connection, or speaks something else, concerns nobody.
    tokio::select! {
        _ = connection.as_mut() => return,
        () = closed.cancelled() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

fn respond<B>(request: &Request<B>, text: &Text) -> Response<String> {
    let mut response = Response::new(String::new());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if request.method() == Method::GET || request.method() == Method::HEAD {
        response.headers_mut().insert(CONTENT_TYPE, OPEN_METRICS);
        *response.body_mut() = text();
    } else {
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    }
    response
}
