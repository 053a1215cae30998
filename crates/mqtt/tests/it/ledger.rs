use std::{
    collections::HashMap,
    fmt,
    sync::{Mutex, MutexGuard},
};

/// How many messages a failure lists.
const LISTED: usize = 10;

/// What was sent, and what became of it. Each message has a text of its own.
#[derive(Default)]
pub(crate) struct Ledger(Mutex<Book>);

#[derive(Default)]
struct Book {
    entries: HashMap<String, Entry>,
    /// What came and was never sent.
    invented: Vec<String>,
    /// How many were acknowledged and have not come.
    outstanding: usize,
}

#[derive(Default)]
struct Entry {
    acknowledged: bool,
    failed: bool,
    received: usize,
}

impl Ledger {
    fn book(&self) -> MutexGuard<'_, Book> {
        self.0.lock().unwrap()
    }

    pub(crate) fn begin(&self, text: &str) {
        self.book().entries.insert(text.to_owned(), Entry::default());
    }

    pub(crate) fn acknowledge(&self, text: &str) {
        let book = &mut *self.book();
        let entry = book.entries.get_mut(text).unwrap();
        entry.acknowledged = true;
        book.outstanding += usize::from(entry.received == 0);
    }

    /// Its send failed, so it may arrive or not.
    pub(crate) fn fail(&self, text: &str) {
        self.book().entries.get_mut(text).unwrap().failed = true;
    }

    pub(crate) fn receive(&self, text: String) {
        let book = &mut *self.book();
        match book.entries.get_mut(&text) {
            Some(entry) => {
                entry.received += 1;
                book.outstanding -= usize::from(entry.received == 1 && entry.acknowledged);
            }
            None => book.invented.push(text),
        }
    }

    /// How many were acknowledged and have not come.
    pub(crate) fn outstanding(&self) -> usize {
        self.book().outstanding
    }

    /// How many have made the whole way.
    pub(crate) fn arrived(&self) -> usize {
        self.book().count(|entry| entry.acknowledged && entry.received > 0)
    }

    /// No message was lost or invented, and where each comes exactly once, none was received twice.
    pub(crate) fn assert_balanced(&self, exactly_once: bool) {
        let book = self.book();
        let lost = book.texts(Entry::is_lost);
        let repeated = if exactly_once { book.texts(Entry::is_repeated) } else { Vec::new() };
        let wrong = [("lost", lost), ("invented", book.invented.clone()), ("received twice", repeated)];
        for (what, texts) in wrong {
            let listed = &texts[..texts.len().min(LISTED)];
            assert!(texts.is_empty(), "{} {what}: {listed:?}; {book}", texts.len());
        }
    }
}

impl Book {
    fn count(&self, matching: impl Fn(&Entry) -> bool) -> usize {
        self.entries.values().filter(|entry| matching(entry)).count()
    }

    fn texts(&self, matching: impl Fn(&Entry) -> bool) -> Vec<String> {
        let matching = self.entries.iter().filter(|(_, entry)| matching(entry));
        matching.map(|(text, _)| text.clone()).collect()
    }
}

impl Entry {
    fn is_lost(&self) -> bool {
        self.acknowledged && self.received == 0
    }

    fn is_repeated(&self) -> bool {
        self.received > 1
    }
}

impl fmt::Display for Book {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [acknowledged, failed, failed_received, received, lost, repeated] = [
            |entry: &Entry| entry.acknowledged,
            |entry: &Entry| entry.failed,
            |entry: &Entry| entry.failed && entry.received > 0,
            |entry: &Entry| entry.received > 0,
            Entry::is_lost,
            Entry::is_repeated,
        ]
        .map(|matching| self.count(matching));
        write!(
            f,
            "{} sent, {acknowledged} acknowledged, {failed} failed ({failed_received} of them received), \
             {received} received, {lost} lost, {} invented, {repeated} duplicates",
            self.entries.len(),
            self.invented.len()
        )
    }
}

impl fmt::Display for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.book().fmt(f)
    }
}
