use std::{future, pin::pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::oneshot,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use super::{BUFFER, Shared, write};
use crate::client::{
    answers::Written,
    guard::Upward,
    packets::{Filter, Output},
};

/// No socket is full with less.
const FULL: usize = 32 * 1024;

/// How often a client is prodded that may wait to go on writing; where it does for sure, until it has.
const PRODS: u32 = 3;

/// The library finds that it can write a moment after all was read.
const PROD_AGAIN: Duration = Duration::from_millis(5);

/// Passes on what the client writes until it closes, and the replies between its packets. What cannot be written, or comes
/// when the broker is gone, is dropped.
pub(super) async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    rules: Written<Upward>,
    Shared { replies, prod, .. }: &Shared,
    gone: &CancellationToken,
    deliver: oneshot::Sender<()>,
) {
    let mut to = Some(to);
    let mut filter = Filter::new(rules);
    let mut buffer = vec![0; BUFFER];
    let mut output = Output::default();
    // How much was read since there was nothing more.
    let mut unpaused = 0;
    // The library comes back to a write that the socket did not take at once when there is something to read, and goes on
    // with other messages when one is acknowledged: within a second, if nothing is.
    let (mut prods, mut next_prod) = (0, pin!(sleep(PROD_AGAIN)));
    loop {
        let is_between = filter.is_between() && to.is_some();
        let length = tokio::select! {
            biased;
            read = from.read(&mut buffer) => match read {
                Ok(length @ 1..) => length,
                Ok(0) | Err(_) => break,
            },
            // All is read.
            () = future::ready(()), if unpaused > 0 => {
                prods = if unpaused >= FULL { PRODS } else { 0 };
                unpaused = 0;
                next_prod.as_mut().reset(Instant::now());
                continue;
            }
            () = &mut next_prod, if prods > 0 || !filter.is_between() => {
                prod.notify_one();
                prods = prods.saturating_sub(1);
                next_prod.as_mut().reset(Instant::now() + PROD_AGAIN);
                continue;
            }
            () = replies.added(), if is_between => 0,
            () = gone.cancelled(), if to.is_some() => {
                to = None;
                continue;
            }
        };
        unpaused += length;
        if is_between {
            // First, as what was read can rest on them.
            let own = replies.take();
            unless_gone(&mut to, gone, async |to| write(to, [&own[..]]).await).await;
        }
        // All of it, also where nothing can be written any more: what the client confirms counts.
        filter.filter(&mut buffer[..length], &mut output);
        unless_gone(&mut to, gone, async |to| write(to, output.pieces(&buffer)).await).await;
    }
    unless_gone(&mut to, gone, async |to| drop(to.shutdown().await)).await;
    drop(deliver);
}

/// Does something with the way to the broker, unless the broker is gone, or goes meanwhile.
async fn unless_gone<W>(to: &mut Option<W>, gone: &CancellationToken, what: impl AsyncFnOnce(&mut W)) {
    if let Some(way) = to {
        tokio::select! {
            () = what(way) => {}
            () = gone.cancelled() => *to = None,
        }
    }
}
