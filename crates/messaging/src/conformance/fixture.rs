use std::{
    any::{Any, type_name},
    collections::BTreeMap,
    sync::Arc,
};

use futures_util::future::BoxFuture;
use pip_services_commons::{errors::ApplicationError, run::ICleanable};

use super::{FaultInjector, Profile, QueueContext};
use crate::{IMessageQueue, MessageEnvelope};

type Creating<T> = BoxFuture<'static, Result<T, ApplicationError>>;
type Create = dyn Fn(QueueContext) -> Creating<Made> + Send + Sync;
type OnQueue<T> = dyn Fn(&Made) -> Creating<T> + Send + Sync;

/// How the suite gets the queue under test, and what it may expect of it.
///
/// ```
/// use pip_services_commons::{config::IConfigurable, refer::IReferenceable};
/// use pip_services_messaging::{MemoryMessageQueue, conformance::{Fixture, Profile}};
///
/// let fixture = Fixture::new(|cx| async move {
///     let queue = MemoryMessageQueue::new(cx.queue_name());
///     queue.configure(&cx.config([("options.max_messages", 100_000)]))?;
///     queue.set_references(&cx.references())?;
///     Ok(queue)
/// })
/// .profile(Profile { max_backlog: Some(100_000), ..Profile::strict() })
/// .cleanable::<MemoryMessageQueue>();
/// ```
#[derive(Clone)]
pub struct Fixture {
    create: Arc<Create>,
    profile: Profile,
    clear: Option<Arc<OnQueue<()>>>,
    dead_letters: Option<Arc<OnQueue<Vec<MessageEnvelope>>>>,
    faults: Option<Arc<dyn FaultInjector>>,
    known_gaps: BTreeMap<String, String>,
    rehearsal: bool,
}

/// A queue that a fixture made.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) queue: Arc<dyn IMessageQueue>,
    concrete: Arc<dyn Any + Send + Sync>,
    type_name: &'static str,
}

impl Fixture {
    /// A fixture that makes a queue by `create`, with the [strict](Profile::strict) profile.
    ///
    /// `create` is called for each queue that a case needs and gives it configured, but not open. An error
    /// fails the case.
    pub fn new<Q, Making>(create: impl Fn(QueueContext) -> Making + Send + Sync + 'static) -> Self
    where
        Q: IMessageQueue + 'static,
        Making: Future<Output = Result<Q, ApplicationError>> + Send + 'static,
    {
        let create = move |context| -> Creating<Made> {
            let creating = create(context);
            Box::pin(async move {
                let queue = Arc::new(creating.await?);
                Ok(Made { queue: queue.clone(), concrete: queue, type_name: type_name::<Q>() })
            })
        };
        Self {
            create: Arc::new(create),
            profile: Profile::strict(),
            clear: None,
            dead_letters: None,
            faults: None,
            known_gaps: BTreeMap::new(),
            rehearsal: false,
        }
    }

    /// Sets what the queue promises.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Tells that the queue, of type `Q`, is cleared as an [`ICleanable`]. Clearing is no operation of
    /// [`IMessageQueue`], so the suite cannot find it by itself.
    #[must_use]
    pub fn cleanable<Q: IMessageQueue + ICleanable + 'static>(mut self) -> Self {
        self.clear = Some(Arc::new(|made| {
            let queue = made.concrete::<Q>();
            Box::pin(async move { queue?.clear(None).await })
        }));
        self
    }

    /// Tells how to read the dead letters of the queue, of type `Q`.
    #[must_use]
    pub fn dead_letters<Q, Reading>(
        mut self,
        read: impl Fn(Arc<Q>) -> Reading + Send + Sync + 'static,
    ) -> Self
    where
        Q: IMessageQueue + 'static,
        Reading: Future<Output = Result<Vec<MessageEnvelope>, ApplicationError>> + Send + 'static,
    {
        self.dead_letters = Some(Arc::new(move |made| match made.concrete::<Q>() {
            Ok(queue) => Box::pin(read(queue)),
            Err(error) => Box::pin(async { Err(error) }),
        }));
        self
    }

    /// Gives the cases about faults what they need.
    #[must_use]
    pub fn faults(mut self, injector: impl FaultInjector + 'static) -> Self {
        self.faults = Some(Arc::new(injector));
        self
    }

    /// Names a case that the queue does not pass yet, and why. The failure is then reported and no more; once
    /// the case passes, it fails until this call is removed.
    #[must_use]
    pub fn known_gap(mut self, case: &str, why: &str) -> Self {
        self.known_gaps.insert(case.to_owned(), why.to_owned());
        self
    }

    /// Makes the cases give up sooner, send less and choose the same at each run, for the tests of the suite itself.
    #[doc(hidden)]
    #[must_use]
    pub fn rehearsal(mut self) -> Self {
        self.rehearsal = true;
        self
    }

    pub(super) async fn create(&self, context: QueueContext) -> Result<Made, ApplicationError> {
        (self.create)(context).await
    }

    pub(super) fn promised(&self) -> &Profile {
        &self.profile
    }

    pub(super) fn clear(&self) -> Option<&OnQueue<()>> {
        self.clear.as_deref()
    }

    pub(super) fn reads_dead_letters(&self) -> Option<&OnQueue<Vec<MessageEnvelope>>> {
        self.dead_letters.as_deref()
    }

    pub(super) fn injector(&self) -> Option<&dyn FaultInjector> {
        self.faults.as_deref()
    }

    pub(super) fn known_gaps(&self) -> &BTreeMap<String, String> {
        &self.known_gaps
    }

    pub(super) fn is_rehearsal(&self) -> bool {
        self.rehearsal
    }
}

impl Made {
    fn concrete<Q: Any + Send + Sync>(&self) -> Result<Arc<Q>, ApplicationError> {
        self.concrete.clone().downcast().map_err(|_| {
            let (named, made) = (type_name::<Q>(), self.type_name);
            let message = format!("the fixture names the type {named} and makes queues of type {made}");
            ApplicationError::internal(None, "BAD_FIXTURE", message)
        })
    }
}
