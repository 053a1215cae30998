//! All operations of a queue, to see them refused.

use std::{sync::Arc, time::Duration};

use super::{
    capability::Capability,
    case::{Case, CaseResult, ensure},
    pace::PROMPT,
    subject::Subject,
};
use crate::{IMessageReceiver, MessageEnvelope};

/// Longer than a refusal may take.
const LONG: Duration = Duration::from_secs(60);

/// Makes sure that each operation of a capability fails at once with that code. `received` is what the
/// operations on received messages get.
pub(super) async fn refused(
    case: &Case,
    subject: &Subject,
    capability: Capability,
    code: &str,
    received: &MessageEnvelope,
) -> CaseResult {
    let (queue, mut received) = (&subject.queue, received.clone());
    match capability {
        Capability::MessageCount => {
            case.refused(code, "read_message_count", queue.read_message_count()).await
        }
        Capability::Send => send_refused(case, subject, code).await,
        Capability::Receive => {
            let receiver: Arc<dyn IMessageReceiver> = Arc::new(|_: MessageEnvelope| async { Ok(()) });
            case.refused(code, "receive", queue.receive(None, LONG)).await?;
            case.refused(code, "listen", queue.listen(None, receiver.clone())).await?;
            let begin = async { queue.clone().begin_listen(None, receiver) };
            case.refused(code, "begin_listen", begin).await
        }
        Capability::Peek => case.refused(code, "peek", queue.peek(None)).await,
        Capability::PeekBatch => case.refused(code, "peek_batch", queue.peek_batch(None, 10)).await,
        Capability::RenewLock => case.refused(code, "renew_lock", queue.renew_lock(&received, LONG)).await,
        Capability::Abandon => case.refused(code, "abandon", queue.abandon(&mut received)).await,
        Capability::DeadLetter => {
            case.refused(code, "move_to_dead_letter", queue.move_to_dead_letter(&mut received)).await
        }
        // A closed queue may be cleared, and what is no `ICleanable` cannot be asked to.
        Capability::Clear => match subject.clearing() {
            Some(clearing) if code == "NOT_SUPPORTED" => case.refused(code, "clear", clearing).await,
            _ => Ok(()),
        },
    }
}

/// A send that is refused gives the message back.
async fn send_refused(case: &Case, subject: &Subject, code: &str) -> CaseResult {
    let given = case.envelope("refused");
    case.ledger().attempt(subject.destination(), "refused", &given);
    let sending = subject.queue.send(None, given.clone());
    let Err(failed) = case.within(PROMPT, "send", sending).await? else {
        return Err(format!("send was Ok instead of {code}"));
    };
    let (error, back) = failed.into_parts();
    ensure!(error.code() == code, "send failed with {error:#} instead of {code}");
    let same = back.message_id == given.message_id && back.get_message() == given.get_message();
    ensure!(same, "send gave {back} back instead of {given}");
    Ok(())
}
