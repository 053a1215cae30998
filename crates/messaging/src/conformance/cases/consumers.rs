use std::{collections::HashMap, sync::Arc};

use crate::conformance::{
    Delivery, Sharing,
    case::{Case, CaseResult, ensure},
    pace::QUIET,
    readers::receive_all,
    subject::{Sent, Subject},
};

/// Four tasks that receive from one queue share its messages: each message comes to one of them.
pub(in crate::conformance) async fn competing_receivers_share(case: Arc<Case>) -> CaseResult {
    const TASKS: usize = 4;
    let subject = case.open().await?;
    let readers = vec![subject.clone(); TASKS];
    subject.send_from_tasks(TASKS, case.unread_count(250 * TASKS) / TASKS).await?;
    subject.send("last").await?;
    receive_all(&case, readers).await
}

/// Of two instances of one queue, each gets all messages, or both together get each once, whichever the queue promises.
pub(in crate::conformance) async fn two_instances_share_or_fan_out(case: Arc<Case>) -> CaseResult {
    let (one, other) = (case.open().await?, case.open().await?);
    match case.profile().sharing {
        Sharing::Compete => {
            let each = case.unread_count(400) / 4;
            one.send_from_tasks(2, each).await?;
            other.send_from_tasks(2, each).await?;
            receive_all(&case, vec![one, other]).await
        }
        Sharing::FanOut => {
            let each = case.unread_count(200) / 2;
            let mut sent = one.send_numbered(1..=each).await?;
            sent.extend(other.send_numbered(each + 1..=2 * each).await?);
            for (reader, name) in [(&one, "one"), (&other, "the other")] {
                let told = |problem| format!("{name} of the instances: {problem}");
                gets_each(&case, reader, &sent).await.map_err(told)?;
            }
            Ok(())
        }
    }
}

/// The instance gets each of the messages, once where nothing is repeated.
async fn gets_each(case: &Case, reader: &Subject, sent: &[Sent]) -> CaseResult {
    let mut copies: HashMap<_, usize> = sent.iter().map(|sent| (sent.entry, 0)).collect();
    let mut missing = sent.len();
    while missing > 0 {
        let received = reader.receive_next().await?;
        let copy = copies.entry(received.entry).or_default();
        *copy += 1;
        missing -= usize::from(*copy == 1);
        reader.complete(received.envelope).await?;
    }
    while let Some(received) = reader.next(QUIET).await? {
        *copies.entry(received.entry).or_default() += 1;
        reader.complete(received.envelope).await?;
    }
    let repeated: Vec<_> =
        copies.iter().filter(|(_, copies)| **copies > 1).map(|(entry, _)| *entry).collect();
    let may_repeat = case.profile().delivery == Delivery::AtLeastOnce;
    ensure!(may_repeat || repeated.is_empty(), "{} came several times", case.ledger().shown(&repeated));
    Ok(())
}
