use std::{
    sync::{
        Arc, Barrier, Weak,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use async_trait::async_trait;
use pip_services_commons::{
    component,
    errors::ApplicationError,
    refer::{Component, Descriptor, IReferenceable, IReferences, InterfaceSlot, References, ReferencesExt},
    run::{IClosable, IOpenable, Opener},
};

const THREADS: usize = 16;
const ROUNDS: usize = 200;

struct Number(usize);
component!(Number);

fn locator(kind: &str, thread: usize, round: usize) -> Descriptor {
    Descriptor::new("test", "number", kind, &format!("{thread}-{round}"), "1.0")
}

/// Looks up, puts and removes from within its own linking and opening.
struct Busy {
    references: Arc<References>,
    opened: AtomicUsize,
}
component!(Busy: dyn IReferenceable, dyn IOpenable, dyn IClosable);

impl IReferenceable for Busy {
    fn set_references(&self, references: &dyn IReferences) -> Result<(), ApplicationError> {
        let own = Descriptor::new("test", "busy", "inner", "*", "1.0");
        references.put(own.clone(), Arc::new(Number(0)));
        references.get_required::<Number>(&own)?;
        references.remove(&own);
        Ok(())
    }
}

#[async_trait]
impl IClosable for Busy {
    async fn close(&self, _: Option<&str>) -> Result<(), ApplicationError> {
        Ok(())
    }
}

#[async_trait]
impl IOpenable for Busy {
    fn is_open(&self) -> bool {
        self.opened.load(Ordering::Relaxed) > 0
    }

    async fn open(&self, _: Option<&str>) -> Result<(), ApplicationError> {
        self.set_references(&*self.references)?;
        self.opened.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// A deadlock shows as a test that never ends.
#[test]
fn sixteen_threads_lose_no_entry_while_components_are_opened() {
    let references = Arc::new(References::new());
    let busy = Arc::new(Busy { references: references.clone(), opened: AtomicUsize::new(0) });
    let start = Arc::new(Barrier::new(THREADS + 1));
    let threads: Vec<_> = (0..THREADS)
        .map(|thread| {
            let (references, start) = (references.clone(), start.clone());
            thread::spawn(move || {
                start.wait();
                for round in 0..ROUNDS {
                    let (kept, passing) = (locator("kept", thread, round), locator("passing", thread, round));
                    references.put(kept.clone(), Arc::new(Number(round)));
                    references.put(passing.clone(), Arc::new(Number(round)));
                    assert_eq!(references.get_one_required::<Number>(&kept).unwrap().0, round);
                    assert!(
                        references.get_optional::<Number>(&"*:number:kept:*:*".parse().unwrap()).len()
                            > round
                    );
                    assert!(references.remove(&passing).is_some());
                    assert!(references.remove(&passing).is_none());
                }
            })
        })
        .collect();
    start.wait();
    let components = [busy.clone() as Arc<dyn Component>];
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for _ in 0..ROUNDS {
        runtime.block_on(Opener::open(None, &components)).unwrap();
    }
    threads.into_iter().for_each(|thread| thread.join().unwrap());

    assert_eq!(busy.opened.load(Ordering::Relaxed), ROUNDS);
    let mut left: Vec<String> = references.get_all_locators().iter().map(ToString::to_string).collect();
    let mut expected: Vec<String> = (0..THREADS)
        .flat_map(|thread| (0..ROUNDS).map(move |round| locator("kept", thread, round).to_string()))
        .collect();
    left.sort();
    expected.sort();
    assert_eq!(left, expected);
}

/// Looks up, puts and removes when it is dropped.
struct Parting {
    references: Weak<References>,
    dropped: Arc<AtomicUsize>,
}
component!(Parting);

impl Drop for Parting {
    fn drop(&mut self) {
        if let Some(references) = self.references.upgrade() {
            let own = Descriptor::new("test", "parting", "own", "*", "1.0");
            references.put(own.clone(), Arc::new(Number(0)));
            assert!(references.get_one_required::<Number>(&own).is_ok());
            assert!(references.remove(&own).is_some());
            assert_eq!(references.remove_all(&own).len() + references.find(&own, false).unwrap().len(), 0);
        }
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_component_may_call_back_when_it_is_removed_and_dropped() {
    let references = Arc::new(References::new());
    let dropped = Arc::new(AtomicUsize::new(0));
    let locator = Descriptor::new("test", "parting", "main", "*", "1.0");
    let put = |count: usize| {
        for _ in 0..count {
            let (references, dropped) = (Arc::downgrade(&references), dropped.clone());
            let parting = Parting { references: references.clone(), dropped };
            references.upgrade().unwrap().put(locator.clone(), Arc::new(parting));
        }
    };
    put(4);
    drop(references.remove(&locator));
    assert_eq!(dropped.load(Ordering::Relaxed), 1);
    drop(references.remove_all(&locator));
    assert_eq!(dropped.load(Ordering::Relaxed), 4);
    assert!(references.get_all().is_empty());

    // Dropped with the container, which is gone for them by then.
    put(2);
    drop(references);
    assert_eq!(dropped.load(Ordering::Relaxed), 6);
}

/// Looks up while it is asked which interfaces it offers.
struct Curious(Weak<References>);

impl Component for Curious {
    fn offer(self: Arc<Self>, slot: &mut InterfaceSlot<'_>) {
        if let Some(references) = self.0.upgrade() {
            assert_eq!(references.get_all().len(), 1);
            references.put(locator("offer", 0, 0), Arc::new(Number(0)));
            assert!(references.remove(&locator("offer", 0, 0)).is_some());
        }
        slot.offer::<Self>(|| self);
    }

    fn type_name(&self) -> &'static str {
        "Curious"
    }
}

#[test]
fn a_component_may_call_back_while_it_is_asked_for_an_interface() {
    let references = Arc::new(References::new());
    let own = Descriptor::new("test", "curious", "main", "*", "1.0");
    references.put(own.clone(), Arc::new(Curious(Arc::downgrade(&references))));
    assert_eq!(references.get_required::<Curious>(&own).unwrap().len(), 1);
    assert!(references.get_one_optional::<Curious>(&own).is_some());
}
