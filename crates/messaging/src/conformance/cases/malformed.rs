use std::sync::Arc;

use tokio::time::{Instant, sleep};

use crate::conformance::{
    Content,
    case::{Case, CaseResult, ensure},
    pace::POLL,
};

/// Bytes that are no message of the queue are skipped, counted and logged, and the next message arrives.
pub(in crate::conformance) async fn malformed_input_is_skipped(case: Arc<Case>) -> CaseResult {
    const GARBAGE: [&[u8]; 4] = [b"no message", b"{\"message_id\":", b"[1,2]", &[0xff, 0x00, 0xfe]];
    let subject = case.open().await?;
    for bytes in GARBAGE {
        case.inject_raw(subject.destination(), bytes).await?;
    }
    let sent = subject.send("valid").await?;
    subject.take(&sent).await.map_err(|problem| format!("after malformed input: {problem}"))?;
    case.check()?;
    // Where only payloads travel, all bytes are a message.
    if case.profile().content == Content::Payload {
        return Ok(());
    }
    let name = subject.queue.get_name();
    let counted = || case.observer().count(&name, "malformed_messages");
    let deadline = Instant::now() + case.patience();
    while counted() < GARBAGE.len() && Instant::now() < deadline {
        sleep(POLL).await;
    }
    let (count, all) = (counted(), GARBAGE.len());
    ensure!(
        count >= all,
        "queue.{name}.malformed_messages is {count} after {all} malformed ones; `MessageQueue::malformed` counts and \
         logs, and the fixture has to give the queue `cx.references()` by `set_references`"
    );
    ensure!(
        !case.observer().complaints().is_empty(),
        "no warning and no error was logged of malformed input"
    );
    Ok(())
}
