use std::{io, pin::pin, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite},
    time::{Instant, sleep},
};

use super::{BUFFER, Shared, write};
use crate::client::{
    Malformed,
    answers::Answered,
    guard::Downward,
    packets::{Filter, Output},
    readable::{Readable, Reports},
};

/// How long answers are held back whose senders know them.
const HOLD_BACK: Duration = Duration::from_millis(10);

/// Passes on what the broker writes until it closes, or to what is no packet, at the pace that a backlog allows.
///
/// Answers whose senders know them are passed on together, a little later: so the library's thread is not woken for each.
pub(super) async fn pass_on(
    mut from: impl AsyncRead + Unpin,
    to: &mut (impl AsyncWrite + Unpin),
    rules: Answered<Readable<Downward>>,
    Shared { replies, prod, signs }: &Shared,
    reports: &Reports,
) -> io::Result<()> {
    let mut filter = Filter::new(rules);
    let mut buffer = vec![0; BUFFER];
    let mut output = Output::default();
    let mut due = pin!(sleep(HOLD_BACK));
    loop {
        let was_empty = filter.rules().held_back().is_empty();
        let is_between = filter.is_between();
        let read = async {
            {
                let _unread = signs.leave_unread();
                reports.backlog.room().await;
            }
            replies.room().await;
            from.read(&mut buffer).await
        };
        let length = tokio::select! {
            biased;
            read = read => read?,
            () = prod.notified(), if is_between => {
                filter.rules().prod();
                write_held_back(to, &mut filter).await;
                continue;
            }
            () = &mut due, if is_between && !was_empty => {
                write_held_back(to, &mut filter).await;
                continue;
            }
        };
        if length == 0 {
            return Ok(());
        }
        signs.heard();
        filter.filter(&mut buffer[..length], &mut output);
        if let Some(seconds) = filter.rules().take_keep_alive() {
            signs.shorten(Duration::from_secs(seconds.into()));
        }
        write(to, output.pieces(&buffer)).await;
        if filter.has_refused() {
            reports.tell(Malformed::Packet);
            return Err(io::ErrorKind::InvalidData.into());
        }
        if was_empty && !filter.rules().held_back().is_empty() {
            due.as_mut().reset(Instant::now() + HOLD_BACK);
        }
    }
}

async fn write_held_back(
    to: &mut (impl AsyncWrite + Unpin),
    filter: &mut Filter<Answered<Readable<Downward>>>,
) {
    let held_back = filter.rules().held_back();
    write(to, [&held_back[..]]).await;
    held_back.clear();
}
