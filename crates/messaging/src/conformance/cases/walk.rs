use std::{collections::VecDeque, sync::Arc, time::Duration};

use fastrand::Rng;

use crate::{
    MessageEnvelope,
    conformance::{
        Delivery,
        case::{Case, CaseResult, ensure},
        pace::SEED,
        subject::{Received, Sent, Subject},
    },
};

/// More messages than this are not left in the queue.
const MANY: usize = 30;

/// Random operations give what they give in a model of the queue.
pub(in crate::conformance) async fn model_walk(case: Arc<Case>) -> CaseResult {
    let (random, seed) = case.random();
    let mut walk = Walk::new(&case, case.open().await?, random);
    for step in 1..=case.count(500) {
        let operation = walk.choose();
        let told = |problem| format!("seed {seed} ({SEED}), step {step}, {operation:?}: {problem}");
        walk.walk(operation).await.map_err(told)?;
    }
    walk.end().await.map_err(|problem| format!("seed {seed} ({SEED}), after the last step: {problem}"))
}

#[derive(Debug, Clone, Copy)]
enum Operation {
    Send,
    Receive,
    Complete,
    Abandon,
    Peek,
    Count,
    Clear,
}

struct Walk<'a> {
    case: &'a Case,
    subject: Subject,
    random: Rng,
    sent: usize,
    /// What waits, in the order in which it was sent.
    waiting: VecDeque<Waiting>,
    /// What was received and is not settled.
    held: Vec<(Waiting, MessageEnvelope)>,
}

struct Waiting {
    sent: Sent,
    /// It has been received before, after which a queue may put it anywhere.
    again: bool,
}

impl<'a> Walk<'a> {
    fn new(case: &'a Case, subject: Subject, random: Rng) -> Self {
        Self { case, subject, random, sent: 0, waiting: VecDeque::new(), held: Vec::new() }
    }

    fn choose(&mut self) -> Operation {
        let can = self.subject.capabilities();
        loop {
            let operation = match self.random.u8(0..100) {
                0..35 if self.waiting.len() < MANY => Operation::Send,
                35..65 => Operation::Receive,
                65..78 if !self.held.is_empty() => Operation::Complete,
                78..88 if !self.held.is_empty() && can.can_abandon => Operation::Abandon,
                88..93 if can.can_peek => Operation::Peek,
                93..98 if can.can_message_count => Operation::Count,
                // To be sure of what is cleared, one has to see it wait.
                98.. if can.can_clear && can.can_message_count => Operation::Clear,
                _ => continue,
            };
            return operation;
        }
    }

    async fn walk(&mut self, operation: Operation) -> CaseResult {
        match operation {
            Operation::Send => {
                self.sent += 1;
                let sent = self.subject.send(&self.sent.to_string()).await?;
                self.waiting.push_back(Waiting { sent, again: false });
                Ok(())
            }
            Operation::Receive => self.receive().await,
            Operation::Complete => {
                let (_, envelope) = self.held.swap_remove(self.random.usize(..self.held.len()));
                self.subject.complete(envelope).await
            }
            Operation::Abandon => {
                let (waiting, envelope) = self.held.swap_remove(self.random.usize(..self.held.len()));
                self.subject.abandon(waiting.sent.entry, envelope).await?;
                self.waiting.push_back(Waiting { again: true, ..waiting });
                Ok(())
            }
            Operation::Peek => self.peek().await,
            Operation::Count => self.subject.wait_for_waiting(self.waiting.len()).await,
            Operation::Clear => {
                self.subject.wait_for_waiting(self.waiting.len()).await?;
                let held = self.held.drain(..).map(|(waiting, _)| waiting.sent.entry);
                let cleared: Vec<_> =
                    self.waiting.drain(..).map(|waiting| waiting.sent.entry).chain(held).collect();
                self.subject.clear(&cleared).await
            }
        }
    }

    async fn receive(&mut self) -> CaseResult {
        if self.waiting.is_empty() {
            let received = self.subject.next(Duration::ZERO).await?;
            return match received {
                Some(received) => self.repeated(received).await,
                None => Ok(()),
            };
        }
        loop {
            let received = self.subject.receive_next().await?;
            match self.waiting.iter().position(|waiting| waiting.sent.entry == received.entry) {
                None => self.repeated(received).await?,
                Some(place) => {
                    self.in_turn(place)?;
                    if let Some(waiting) = self.waiting.remove(place) {
                        self.held.push((waiting, received.envelope));
                    }
                    return Ok(());
                }
            }
        }
    }

    /// A message that does not wait came.
    async fn repeated(&self, received: Received) -> CaseResult {
        let may_repeat = self.case.profile().delivery == Delivery::AtLeastOnce;
        ensure!(may_repeat, "{} came although it does not wait", received.envelope);
        self.subject.complete(received.envelope).await
    }

    async fn peek(&self) -> CaseResult {
        if self.waiting.is_empty() {
            let peeked = self.subject.peek().await?;
            ensure!(peeked.is_none(), "{peeked:?} was peeked although nothing waits");
            return Ok(());
        }
        let peeked = self.subject.peek_waiting().await?;
        let same = |waiting: &Waiting| waiting.sent.envelope.get_message() == peeked.get_message();
        let place = self.waiting.iter().position(same);
        match place {
            Some(place) => self.in_turn(place),
            None => {
                self.case.ledger().note_surplus();
                Err(format!("{peeked} was peeked although it does not wait"))
            }
        }
    }

    /// Whether it is that message's turn, if the queue keeps the order.
    fn in_turn(&self, place: usize) -> CaseResult {
        let waiting = &self.waiting[place];
        let before = self.waiting.iter().take(place).find(|waiting| !waiting.again);
        match before.filter(|_| self.case.profile().ordered && !waiting.again) {
            Some(before) => {
                let (came, before) = (&waiting.sent.envelope, &before.sent.envelope);
                Err(format!("{came} came before {before}, which was sent before it"))
            }
            None => Ok(()),
        }
    }

    async fn end(mut self) -> CaseResult {
        while let Some((_, envelope)) = self.held.pop() {
            self.subject.complete(envelope).await?;
        }
        self.subject.drain().await?;
        self.case.check()
    }
}
