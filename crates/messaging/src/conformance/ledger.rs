use std::{
    collections::{BTreeSet, HashMap},
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
    /// By destination: what was acknowledged there and has still to arrive.
    missing: HashMap<String, BTreeSet<usize>>,
    unexpected: Vec<String>,
    foreign: usize,
    /// More was seen than was sent, which has not arrived yet.
    surplus: bool,
}

struct Entry {
    label: String,
    destination: String,
    acknowledged: bool,
    received: usize,
    /// How often it was put back, to be received again.
    returned: usize,
    /// Why it must not arrive any more.
    gone: Option<&'static str>,
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
            gone: None,
        });
        book.by_id.insert(envelope.message_id.clone(), entry);
        book.by_payload.insert(envelope.get_message().cloned(), entry);
        entry
    }

    /// Its send was Ok.
    pub(super) fn acknowledge(&self, entry: usize) {
        self.book().change(entry, |entry| entry.acknowledged = true);
    }

    /// It was put back: it arrives once more.
    pub(super) fn put_back(&self, entry: usize) {
        self.book().change(entry, |entry| entry.returned += 1);
    }

    /// It was taken away, as by `why`: it does not arrive any more.
    pub(super) fn take_away(&self, entry: usize, why: &'static str) {
        self.book().change(entry, |entry| entry.gone = Some(why));
    }

    /// It may have been lost, and may still arrive.
    pub(super) fn excuse(&self, entry: usize) {
        self.book().change(entry, |entry| entry.acknowledged = false);
    }

    /// Nothing of what happened so far counts.
    pub(super) fn excuse_all(&self) {
        let mut book = self.book();
        for entry in &mut book.entries {
            entry.acknowledged = false;
            entry.returned = entry.received;
        }
        book.missing.clear();
    }

    /// How often it was received.
    pub(super) fn received(&self, entry: usize) -> usize {
        self.book().entries[entry].received
    }

    /// Whether everything has arrived that was acknowledged there.
    pub(super) fn is_complete(&self, destination: &str) -> bool {
        self.count_missing(destination) == 0
    }

    /// How many were acknowledged there and have not arrived.
    pub(super) fn count_missing(&self, destination: &str) -> usize {
        self.book().missing.get(destination).map_or(0, BTreeSet::len)
    }

    /// The entries that were acknowledged there and have not arrived.
    pub(super) fn missing(&self, destination: &str) -> Vec<usize> {
        self.book()
            .missing
            .get(destination)
            .map(|missing| missing.iter().copied().collect())
            .unwrap_or_default()
    }

    /// What a failure calls these messages.
    pub(super) fn shown(&self, entries: &[usize]) -> String {
        let book = self.book();
        shortened(entries.iter().map(|entry| format!("'{}'", book.entries[*entry].label)))
    }

    /// Enters a message that was received, and gives its entry, or `None` for a message of somebody else.
    ///
    /// # Errors
    /// It is a message of this run that was not sent, or not there, or was taken away.
    pub(super) fn arrive(
        &self,
        destination: &str,
        envelope: &MessageEnvelope,
    ) -> Result<Option<usize>, String> {
        let mut book = self.book();
        let known = book.by_id.get(&envelope.message_id);
        let known = known.or_else(|| book.by_payload.get(&envelope.get_message().cloned())).copied();
        let problem = match known {
            Some(entry) => {
                book.change(entry, |entry| entry.received += 1);
                let Entry { label, destination: sent_to, gone, .. } = &book.entries[entry];
                match gone {
                    _ if sent_to != destination => {
                        format!("'{label}', sent to {sent_to}, came from {destination}")
                    }
                    Some(why) => format!("'{label}' came after {why}"),
                    None => return Ok(Some(entry)),
                }
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

    /// Something is there to arrive that should not be.
    pub(super) fn note_surplus(&self) {
        self.book().surplus = true;
    }

    /// Whether a message arrived, or waits to, more often than it was sent and put back.
    pub(super) fn has_repetitions(&self) -> bool {
        let book = self.book();
        book.surplus || book.entries.iter().any(Entry::is_repeated)
    }

    /// Lost, unexpected and repeated messages are an error, repeated ones only where the queue never repeats.
    pub(super) fn check(&self, delivery: Delivery) -> Result<(), String> {
        let book = self.book();
        let lost: Vec<_> = book.labels(Entry::is_missing);
        let repeated = match delivery {
            Delivery::AtLeastOnce => Vec::new(),
            Delivery::ExactlyOnce | Delivery::AtMostOnce => book.labels(Entry::is_repeated),
        };
        let problems: Vec<_> = [("lost", &lost), ("unexpected", &book.unexpected), ("repeated", &repeated)]
            .into_iter()
            .filter(|(_, messages)| !messages.is_empty())
            .map(|(what, messages)| {
                format!("{} {what}: {}", messages.len(), shortened(messages.iter().cloned()))
            })
            .collect();
        match problems.is_empty() {
            true => Ok(()),
            false => Err(problems.join("; ")),
        }
    }
}

impl Book {
    fn change(&mut self, number: usize, change: impl FnOnce(&mut Entry)) {
        let entry = &mut self.entries[number];
        change(entry);
        match self.missing.get_mut(&entry.destination) {
            Some(missing) if entry.is_missing() => missing.insert(number),
            Some(missing) => missing.remove(&number),
            None if entry.is_missing() => {
                self.missing.insert(entry.destination.clone(), BTreeSet::from([number])).is_none()
            }
            None => false,
        };
    }

    fn labels(&self, matching: impl Fn(&Entry) -> bool) -> Vec<String> {
        self.entries
            .iter()
            .filter(|entry| matching(entry))
            .map(|entry| format!("'{}'", entry.label))
            .collect()
    }
}

impl Entry {
    fn is_missing(&self) -> bool {
        self.acknowledged && self.gone.is_none() && self.received <= self.returned
    }

    fn is_repeated(&self) -> bool {
        self.received > self.returned + 1
    }
}

/// The first of the messages, for a text.
fn shortened(messages: impl ExactSizeIterator<Item = String>) -> String {
    let rest = messages.len().saturating_sub(LISTED);
    let listed = messages.take(LISTED).collect::<Vec<_>>().join(", ");
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
        for entry in book.entries.iter().take(LISTED) {
            let Entry { label, destination, acknowledged, received, returned, gone } = entry;
            let acknowledged = if *acknowledged { "acknowledged" } else { "not acknowledged" };
            write!(f, "\n  '{label}' to {destination}: {acknowledged}, received {received} times")?;
            if *returned > 0 {
                write!(f, ", put back {returned} times")?;
            }
            if let Some(why) = gone {
                write!(f, ", taken away by {why}")?;
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
    fn what_was_put_back_has_to_arrive_again_and_what_was_taken_away_must_not() {
        let (ledger, sent) = with_one();
        assert!(!ledger.is_complete("q") && ledger.is_complete("elsewhere"));
        ledger.arrive("q", &sent).unwrap();
        assert!(ledger.is_complete("q"));
        ledger.put_back(0);
        assert_eq!((ledger.missing("q"), ledger.shown(&[0])), (vec![0], "'one'".to_owned()));
        assert_eq!(ledger.check(Delivery::AtLeastOnce).unwrap_err(), "1 lost: 'one'");
        ledger.take_away(0, "a clear");
        assert_eq!(ledger.check(Delivery::ExactlyOnce), Ok(()));
        assert_eq!(ledger.arrive("q", &sent).unwrap_err(), "'one' came after a clear");
        assert_eq!(
            ledger.check(Delivery::AtLeastOnce).unwrap_err(),
            "1 unexpected: 'one' came after a clear"
        );
    }

    #[test]
    fn what_is_excused_may_be_lost_or_arrive() {
        let (ledger, sent) = with_one();
        ledger.excuse(0);
        assert_eq!(ledger.check(Delivery::ExactlyOnce), Ok(()));
        assert_eq!(ledger.arrive("q", &sent), Ok(Some(0)));
        assert_eq!(ledger.check(Delivery::ExactlyOnce), Ok(()));
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
