use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
};

use bytes::Bytes;

use super::Delivery;
use crate::MessageEnvelope;

/// How many messages a report lists.
const LISTED: usize = 20;

/// What a case sent, and what became of it.
///
/// Each message of a case has the run's id in its correlation id and its payload, so that messages of others
/// are known as such, and a payload of its own, by which it is known where no ids arrive.
pub(super) struct Ledger {
    run: String,
    book: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    entries: Vec<Entry>,
    by_id: HashMap<String, usize>,
    by_payload: HashMap<Option<Bytes>, usize>,
    unexpected: Vec<String>,
    foreign: usize,
}

struct Entry {
    label: String,
    destination: String,
    acknowledged: bool,
    received: usize,
    /// How often it was put back, to be received again.
    returned: usize,
}

impl Ledger {
    pub(super) fn new(run: &str) -> Self {
        Self { run: run.to_owned(), book: Mutex::default() }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters a message that is about to be sent, and gives its entry.
    pub(super) fn attempt(&self, destination: &str, label: &str, envelope: &MessageEnvelope) -> usize {
        let mut book = self.book();
        let entry = book.entries.len();
        book.entries.push(Entry {
            label: label.to_owned(),
            destination: destination.to_owned(),
            acknowledged: false,
            received: 0,
            returned: 0,
        });
        book.by_id.insert(envelope.message_id.clone(), entry);
        book.by_payload.insert(envelope.get_message().cloned(), entry);
        entry
    }

    /// Its send was Ok.
    pub(super) fn acknowledge(&self, entry: usize) {
        self.book().entries[entry].acknowledged = true;
    }

    /// It was put back: it arrives once more.
    pub(super) fn put_back(&self, entry: usize) {
        self.book().entries[entry].returned += 1;
    }

    /// How often it was received.
    pub(super) fn received(&self, entry: usize) -> usize {
        self.book().entries[entry].received
    }

    /// The messages that were acknowledged there and have not arrived.
    pub(super) fn missing(&self, destination: &str) -> Vec<String> {
        self.book().labels(|entry| entry.is_lost() && entry.destination == destination)
    }

    /// Enters a message that was received, and gives its entry, or `None` for a message of somebody else.
    ///
    /// # Errors
    /// It is a message of this run that was not sent, or not there.
    pub(super) fn arrive(
        &self,
        destination: &str,
        envelope: &MessageEnvelope,
    ) -> Result<Option<usize>, String> {
        let mut book = self.book();
        let known = book.by_id.get(&envelope.message_id);
        let known = known.or_else(|| book.by_payload.get(&envelope.get_message().cloned())).copied();
        let problem = match known {
            Some(entry) if book.entries[entry].destination == destination => {
                book.entries[entry].received += 1;
                return Ok(Some(entry));
            }
            Some(entry) => {
                let Entry { label, destination: sent_to, .. } = &book.entries[entry];
                format!("'{label}', sent to {sent_to}, came from {destination}")
            }
            None if self.is_of_this_run(envelope) => {
                format!("{envelope}, never sent, came from {destination}")
            }
            None => {
                book.foreign += 1;
                return Ok(None);
            }
        };
        book.unexpected.push(problem.clone());
        Err(problem)
    }

    /// Whether a message is of this run, be it intact or not.
    pub(super) fn is_of_this_run(&self, envelope: &MessageEnvelope) -> bool {
        let run = self.run.as_bytes();
        let payload =
            envelope.get_message().is_some_and(|payload| payload.windows(run.len()).any(|part| part == run));
        payload || envelope.correlation_id.as_ref().is_some_and(|id| id.contains(&self.run))
    }

    /// Lost, unexpected and repeated messages are an error, repeated ones only where the queue never repeats.
    pub(super) fn check(&self, delivery: Delivery) -> Result<(), String> {
        let book = self.book();
        let lost = book.labels(Entry::is_lost);
        let repeated = match delivery {
            Delivery::AtLeastOnce => Vec::new(),
            Delivery::ExactlyOnce | Delivery::AtMostOnce => {
                book.labels(|entry| entry.received > entry.returned + 1)
            }
        };
        let problems: Vec<_> = [("lost", &lost), ("unexpected", &book.unexpected), ("repeated", &repeated)]
            .into_iter()
            .filter(|(_, messages)| !messages.is_empty())
            .map(|(what, messages)| format!("{} {what}: {}", messages.len(), shortened(messages)))
            .collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems.join("; ")),
        }
    }
}

impl Book {
    fn labels(&self, matching: impl Fn(&Entry) -> bool) -> Vec<String> {
        self.entries
            .iter()
            .filter(|entry| matching(entry))
            .map(|entry| format!("'{}'", entry.label))
            .collect()
    }
}

impl Entry {
    fn is_lost(&self) -> bool {
        self.acknowledged && self.received == 0
    }
}

/// The first of the messages, for a text.
pub(super) fn shortened(messages: &[String]) -> String {
    let rest = messages.len().saturating_sub(LISTED);
    let listed = messages[..messages.len() - rest].join(", ");
    if rest == 0 { listed } else { format!("{listed} and {rest} more") }
}

impl fmt::Display for Ledger {
    /// What was sent, acknowledged and received, in total and for the first messages.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let book = self.book();
        let count =
            |matching: fn(&Entry) -> bool| book.entries.iter().filter(|entry| matching(entry)).count();
        let (acknowledged, received) = (count(|entry| entry.acknowledged), count(|entry| entry.received > 0));
        let (sent, unexpected, foreign) = (book.entries.len(), book.unexpected.len(), book.foreign);
        write!(f, "  run {}: {sent} sent, {acknowledged} acknowledged, {received} received, ", self.run)?;
        write!(f, "{unexpected} unexpected, {foreign} of others")?;
        for Entry { label, destination, acknowledged, received, returned } in book.entries.iter().take(LISTED)
        {
            let acknowledged = if *acknowledged { "acknowledged" } else { "not acknowledged" };
            write!(f, "\n  '{label}' to {destination}: {acknowledged}, received {received} times")?;
            if *returned > 0 {
                write!(f, ", put back {returned} times")?;
            }
        }
        match sent.saturating_sub(LISTED) {
            0 => Ok(()),
            rest => write!(f, "\n  and {rest} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(text: &str) -> MessageEnvelope {
        MessageEnvelope::new(Some("run7"), "t", text)
    }

    /// A ledger with one acknowledged message, which is given as well.
    fn with_one() -> (Ledger, MessageEnvelope) {
        let (ledger, sent) = (Ledger::new("run7"), message("run7 one"));
        ledger.acknowledge(ledger.attempt("q", "one", &sent));
        (ledger, sent)
    }

    #[test]
    fn what_was_acknowledged_and_not_received_is_lost() {
        let (ledger, sent) = with_one();
        ledger.attempt("q", "refused", &message("run7 refused"));
        assert_eq!(ledger.check(Delivery::AtLeastOnce).unwrap_err(), "1 lost: 'one'");
        assert_eq!(ledger.arrive("q", &sent), Ok(Some(0)));
        assert_eq!(ledger.check(Delivery::ExactlyOnce), Ok(()));
    }

    #[test]
    fn a_message_is_known_by_its_id_or_else_by_its_payload() {
        let (ledger, sent) = with_one();
        let mut corrupt = sent.clone();
        corrupt.set_message("something else");
        assert_eq!(ledger.arrive("q", &corrupt), Ok(Some(0)));
        let without_id = MessageEnvelope::new(None, None, "run7 one");
        assert_eq!(ledger.arrive("q", &without_id), Ok(Some(0)));
    }

    #[test]
    fn what_was_not_sent_or_not_there_is_unexpected_and_what_is_of_others_does_not_count() {
        let (ledger, sent) = with_one();
        assert_eq!(ledger.arrive("q", &MessageEnvelope::new(Some("other"), "t", "run8 one")), Ok(None));
        assert_eq!(ledger.arrive("q", &sent), Ok(Some(0)));
        assert_eq!(ledger.check(Delivery::ExactlyOnce), Ok(()));
        assert!(ledger.arrive("q", &message("x")).is_err());
        assert!(ledger.arrive("elsewhere", &sent).is_err());
        let problems = ledger.check(Delivery::AtLeastOnce).unwrap_err();
        assert!(problems.starts_with("2 unexpected: [run7,t,x]"), "{problems}");
        assert!(problems.ends_with("'one', sent to q, came from elsewhere"), "{problems}");
    }

    #[test]
    fn a_second_arrival_is_a_repetition_unless_the_message_was_put_back() {
        let (ledger, sent) = with_one();
        ledger.arrive("q", &sent).unwrap();
        ledger.put_back(0);
        ledger.arrive("q", &sent).unwrap();
        assert_eq!(ledger.check(Delivery::ExactlyOnce), Ok(()));
        ledger.arrive("q", &sent).unwrap();
        assert_eq!(ledger.check(Delivery::AtLeastOnce), Ok(()));
        assert_eq!(ledger.check(Delivery::ExactlyOnce).unwrap_err(), "1 repeated: 'one'");
    }

    #[test]
    fn a_report_tells_all_of_a_message_and_not_of_too_many() {
        let (ledger, sent) = with_one();
        ledger.arrive("q", &sent).unwrap();
        for number in 0..LISTED {
            ledger.attempt("q", &number.to_string(), &message(&number.to_string()));
        }
        let report = ledger.to_string();
        assert!(report.contains("21 sent, 1 acknowledged, 1 received, 0 unexpected"), "{report}");
        assert!(report.contains("'one' to q: acknowledged, received 1 times"), "{report}");
        assert!(report.ends_with("and 1 more"), "{report}");
    }
}
