use std::{collections::BTreeMap, sync::Arc};

use futures_util::future::BoxFuture;
use pip_services_commons::errors::ApplicationError;

use super::{Profile, QueueContext};
use crate::IMessageQueue;

type Create = dyn Fn(QueueContext) -> BoxFuture<'static, Result<Arc<dyn IMessageQueue>, ApplicationError>>
    + Send
    + Sync;

/// How the suite gets the queue under test, and what it may expect of it.
///
/// ```
/// use pip_services_messaging::{MemoryMessageQueue, conformance::{Fixture, Profile}};
///
/// let fixture = Fixture::new(|cx| async move { Ok(MemoryMessageQueue::new(cx.queue_name())) })
///     .profile(Profile { durable: false, ..Profile::strict() });
/// ```
#[derive(Clone)]
pub struct Fixture {
    create: Arc<Create>,
    profile: Profile,
    known_gaps: BTreeMap<String, String>,
}

impl Fixture {
    /// A fixture that makes a queue by `create`, with the [strict](Profile::strict) profile.
    ///
    /// `create` is called for each queue that a case needs and gives it configured, but not open. An error
    /// fails the case.
    pub fn new<Q, Creating>(create: impl Fn(QueueContext) -> Creating + Send + Sync + 'static) -> Self
    where
        Q: IMessageQueue + 'static,
        Creating: Future<Output = Result<Q, ApplicationError>> + Send + 'static,
    {
        let create = move |context| -> BoxFuture<'static, _> {
            let creating = create(context);
            Box::pin(async move { Ok(Arc::new(creating.await?) as Arc<dyn IMessageQueue>) })
        };
        Self { create: Arc::new(create), profile: Profile::strict(), known_gaps: BTreeMap::new() }
    }

    /// Sets what the queue promises.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Names a case that the queue does not pass yet, and why. The failure is then reported and no more; once
    /// the case passes, it fails until this call is removed.
    #[must_use]
    pub fn known_gap(mut self, case: &str, why: &str) -> Self {
        self.known_gaps.insert(case.to_owned(), why.to_owned());
        self
    }

    pub(super) async fn create(
        &self,
        context: QueueContext,
    ) -> Result<Arc<dyn IMessageQueue>, ApplicationError> {
        (self.create)(context).await
    }

    pub(super) fn promised(&self) -> &Profile {
        &self.profile
    }

    pub(super) fn known_gaps(&self) -> &BTreeMap<String, String> {
        &self.known_gaps
    }
}
