use std::{
    sync::{
        Arc, Barrier,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
};

use pip_services_commons::{
    component,
    refer::{Descriptor, IReferences, References, ReferencesExt},
};
use serde_json::json;

use crate::parts::{Part, container, locator};

const THREADS: usize = 16;
const ROUNDS: usize = 50;
const KEPT: usize = 20;

struct Number(usize);
component!(Number);

/// What the container does, as the threads see it: an odd number while it is closing, another one after each closing.
#[derive(Default)]
struct Closings(AtomicUsize);

impl Closings {
    fn next(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    /// Whether the container may have dropped what was put since the count was this.
    fn dropped_since(&self, count: usize) -> bool {
        !count.is_multiple_of(2) || self.count() != count
    }
}

/// Puts, looks up and removes an entry. None may be lost but by a closing.
fn use_references(references: &References, closings: &Closings, own: &Descriptor, round: usize) {
    let before = closings.count();
    references.put(own.clone(), Arc::new(Number(round)));
    match references.get_one_optional::<Number>(own) {
        Some(found) => assert_eq!(found.0, round),
        None => assert!(closings.dropped_since(before), "{own} was lost"),
    }
    let parts = references.get_optional::<Part>(&locator("*:part:*:*:*"));
    assert!(parts.len() <= 3, "a part of an earlier life is still there");
    if references.remove(own).is_none() {
        assert!(closings.dropped_since(before), "{own} was lost");
    }
    assert!(references.remove(own).is_none());
}

/// A deadlock shows as a test that never ends.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixteen_threads_lose_no_entry_but_by_closing_while_the_container_is_opened_and_closed() {
    let (container, _) = container(&json!([
        {"descriptor": "test:part:default:a:1.0", "needs": ["test:part:*:b:*", "test:part:*:made:*"]},
        {"descriptor": "test:part:default:b:1.0", "needs": ["test:part:*:a:*"]}
    ]));
    let (closings, is_last) = (Arc::new(Closings::default()), Arc::new(AtomicBool::new(false)));
    let start = Arc::new(Barrier::new(THREADS + 1));
    let kept =
        |thread, number| Descriptor::new("test", "kept", &format!("{thread}"), &format!("{number}"), "1.0");
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (references, closings) = (container.references().clone(), closings.clone());
            let (is_last, start) = (is_last.clone(), start.clone());
            thread::spawn(move || {
                let own = Descriptor::new("test", "own", "default", &format!("{thread}"), "1.0");
                start.wait();
                let mut round = 0;
                while !is_last.load(Ordering::SeqCst) {
                    use_references(&references, &closings, &own, round);
                    round += 1;
                }
                (0..KEPT).for_each(|number| references.put(kept(thread, number), Arc::new(Number(number))));
            })
        })
        .collect();
    start.wait();
    for _ in 0..ROUNDS {
        container.open(None).await.unwrap();
        closings.next();
        container.close(None).await.unwrap();
        closings.next();
    }
    container.open(None).await.unwrap();
    is_last.store(true, Ordering::SeqCst);
    threads.into_iter().for_each(|thread| thread.join().unwrap());

    let all = locator("test:kept:*:*:*");
    let mut left: Vec<_> =
        container.references().get_all_locators().into_iter().filter(|one| one.matches(&all)).collect();
    let mut expected: Vec<_> =
        (0..THREADS).flat_map(|thread| (0..KEPT).map(move |number| kept(thread, number))).collect();
    left.sort_by_key(ToString::to_string);
    expected.sort_by_key(ToString::to_string);
    assert_eq!(left, expected);

    container.close(None).await.unwrap();
    assert!(container.references().get_all().is_empty());
}
