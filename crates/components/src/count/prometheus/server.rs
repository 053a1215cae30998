use std::{convert::Infallible, pin::pin, sync::Arc, time::Duration};

use hyper::{
    Method, Request, Response, StatusCode,
    header::{ALLOW, CONTENT_TYPE, HeaderValue},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
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

/// How long a connection lives, so that a client that does not read its answers does not keep its place for ever.
const LIFETIME: Duration = Duration::from_secs(60);

/// How long an answer that is under way may take when the server closes, or the connection has lived long enough.
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

async fn serve_connection<S>(stream: S, text: Text, closed: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
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
        () = closed.cancelled() => {}
        () = sleep(LIFETIME) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(CLOSE_TIMEOUT, connection).await;
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

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt, duplex},
        time::Instant,
    };

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[tokio::test(start_paused = true)]
    async fn a_client_that_does_not_read_does_not_keep_its_place() {
        let (mut client, server) = duplex(1024);
        client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
        let text: Text = Arc::new(|| "x".repeat(1_000_000));
        timeout(DAY, serve_connection(server, text, CancellationToken::new())).await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_kept_for_the_next_question_until_it_has_lived_long_enough() {
        let (mut client, server) = duplex(1024);
        let text: Text = Arc::new(|| "metrics".into());
        let served = tokio::spawn(serve_connection(server, text, CancellationToken::new()));
        let start = Instant::now();
        let mut buffer = [0; 1024];
        for _ in 0..5 {
            client.write_all(b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n").await.unwrap();
            let length = client.read(&mut buffer).await.unwrap();
            assert!(buffer[..length].ends_with(b"metrics"));
            sleep(Duration::from_secs(10)).await;
        }
        assert_eq!(client.read(&mut buffer).await.unwrap(), 0);
        assert_eq!(start.elapsed(), LIFETIME);
        served.await.unwrap();
    }
}
