use std::{sync::Arc, time::Duration};

use crate::{
    MessageEnvelope,
    conformance::{
        capability::Capability,
        case::{Case, CaseResult, ensure},
        operations,
        pace::PROMPT,
    },
};

/// The flags are the same before open, open, closed, and in a second instance.
pub(in crate::conformance) async fn capabilities_are_stable(case: Arc<Case>) -> CaseResult {
    let (subject, other) = (case.unopened().await?, case.unopened().await?);
    let before = subject.capabilities();
    let same = |when: &str, capabilities| {
        ensure!(capabilities == before, "{capabilities:?} {when}, but {before:?} before open");
        Ok(())
    };
    same("in a second instance", other.capabilities())?;
    subject.open().await?;
    same("while open", subject.capabilities())?;
    other.open().await?;
    same("in a second open instance", other.capabilities())?;
    subject.close().await?;
    same("after close", subject.capabilities())
}

/// Each operation without a capability is refused and does no harm.
pub(in crate::conformance) async fn absent_capability_is_refused(case: Arc<Case>) -> CaseResult {
    let capabilities = case.capabilities().await?;
    let absent: Vec<_> = Capability::ALL.into_iter().filter(|flag| !flag.is_in(&capabilities)).collect();
    refuses(case, &absent).await
}

/// The operations of absent capabilities fail with `NOT_SUPPORTED` at once; no message is lost or repeated by
/// that, and the queue goes on working.
pub(in crate::conformance) async fn refuses(case: Arc<Case>, absent: &[Capability]) -> CaseResult {
    let subject = case.open().await?;
    let capabilities = subject.capabilities();
    if !(capabilities.can_send && capabilities.can_receive) {
        for &capability in absent {
            let never_received = case.envelope("never received");
            operations::refused(&case, &subject, capability, "NOT_SUPPORTED", &never_received).await?;
        }
        if capabilities.can_send {
            subject.send("afterwards").await?;
        }
        if capabilities.can_receive {
            subject.next(Duration::ZERO).await?;
        }
        return Ok(());
    }
    // One message is received and one waits while the operations are refused.
    for label in ["one", "another"] {
        subject.send(label).await?;
    }
    let received = subject.receive_next().await?;
    for &capability in absent {
        operations::refused(&case, &subject, capability, "NOT_SUPPORTED", &received.envelope).await?;
    }
    subject.complete(received.envelope).await?;
    subject.drain().await?;
    case.check()
}

/// Open twice, close twice and close unopened are Ok, and one send arrives once.
pub(in crate::conformance) async fn open_and_close_are_idempotent(case: Arc<Case>) -> CaseResult {
    let subject = case.unopened().await?;
    ensure!(!subject.queue.is_open(), "it is open before open");
    subject.close().await?;
    ensure!(!subject.queue.is_open(), "it is open after a close without open");
    subject.open().await?;
    subject.open().await?;
    ensure!(subject.queue.is_open(), "it is not open after open");
    let capabilities = subject.capabilities();
    if capabilities.can_send && capabilities.can_receive {
        subject.delivers_once().await?;
    }
    subject.close().await?;
    ensure!(!subject.queue.is_open(), "it is open after close");
    subject.close().await?;
    ensure!(!subject.queue.is_open(), "it is open after the second close");
    Ok(())
}

/// Every operation before open and after close fails with `NOT_OPENED` at once.
pub(in crate::conformance) async fn closed_queue_refuses_work(case: Arc<Case>) -> CaseResult {
    let subject = case.unopened().await?;
    let capabilities = subject.capabilities();
    let refuses_all = async |when: &str, mut envelope: MessageEnvelope| {
        let told = |problem| format!("{when}: {problem}");
        for capability in Capability::ALL {
            operations::refused(&case, &subject, capability, "NOT_OPENED", &envelope).await.map_err(told)?;
        }
        case.refused("NOT_OPENED", "complete", subject.queue.complete(&mut envelope)).await.map_err(told)?;
        case.within(PROMPT, "end_listen", subject.queue.end_listen(None)).await.map_err(told)
    };
    refuses_all("before open", case.envelope("never received")).await?;
    subject.open().await?;
    let held = if capabilities.can_send && capabilities.can_receive {
        let sent = subject.send("held").await?;
        subject.receive(&sent).await?
    } else {
        case.envelope("never received")
    };
    subject.close().await?;
    refuses_all("after close", held).await
}
