//! What a case does by the hooks of the fixture's `FaultInjector`.

use std::{sync::Arc, time::Duration};

use futures_util::future::BoxFuture;

use super::{
    FaultError, FaultInjector, OpenFailure,
    case::{Case, CaseResult},
};
use crate::IMessageQueue;

/// How long a hook may take.
const HOOK: Duration = Duration::from_secs(15);

impl Case {
    pub(super) fn injector(&self) -> CaseResult<&dyn FaultInjector> {
        match self.fixture().injector() {
            Some(injector) => Ok(injector),
            None => self.lacks("the fixture has no FaultInjector; give it one by `.faults(..)`".into()),
        }
    }

    pub(super) async fn restart_broker(&self) -> CaseResult {
        self.inject("restart_broker", |faults| faults.restart_broker()).await
    }

    pub(super) async fn cut(&self) -> CaseResult {
        self.state().cut = true;
        self.inject("cut", |faults| faults.cut()).await
    }

    pub(super) async fn heal(&self) -> CaseResult {
        self.state().cut = false;
        self.inject("heal", |faults| faults.heal()).await
    }

    pub(super) async fn stall(&self) -> CaseResult {
        self.state().stalled = true;
        self.inject("stall", |faults| faults.stall()).await
    }

    pub(super) async fn resume(&self) -> CaseResult {
        self.state().stalled = false;
        self.inject("resume", |faults| faults.resume()).await
    }

    /// False: the fixture does not offer it.
    pub(super) async fn kick_client(&self) -> CaseResult<bool> {
        match self.within(HOOK, "kick_client", self.injector()?.kick_client()).await? {
            Ok(()) => Ok(true),
            Err(FaultError::NotOffered) => Ok(false),
            Err(FaultError::Failed(error)) => Err(failed("kick_client", &error)),
        }
    }

    pub(super) async fn unreachable_queue(&self, why: OpenFailure) -> CaseResult<Arc<dyn IMessageQueue>> {
        let context = self.context(&format!("{why:?}"), Default::default());
        self.inject(&format!("unreachable_queue({why:?})"), |faults| faults.unreachable_queue(context, why))
            .await
    }

    pub(super) async fn inject_raw(&self, destination: &str, bytes: &[u8]) -> CaseResult {
        let (destination, bytes) = (destination.to_owned(), bytes.to_vec());
        self.inject("inject_raw", move |faults| {
            Box::pin(async move { faults.inject_raw(&destination, &bytes).await })
        })
        .await
    }

    /// Undoes what would keep the broker from working.
    pub(super) async fn mend(&self) -> CaseResult {
        let (cut, stalled) = {
            let state = self.state();
            (state.cut, state.stalled)
        };
        let healed = if cut { self.heal().await } else { Ok(()) };
        let resumed = if stalled { self.resume().await } else { Ok(()) };
        healed.and(resumed)
    }

    async fn inject<T>(
        &self,
        hook: &str,
        act: impl for<'a> FnOnce(&'a dyn FaultInjector) -> BoxFuture<'a, Result<T, FaultError>>,
    ) -> CaseResult<T> {
        match self.within(HOOK, hook, act(self.injector()?)).await? {
            Ok(value) => Ok(value),
            Err(FaultError::NotOffered) => {
                self.lacks(format!("the fixture's FaultInjector does not offer {hook}"))
            }
            Err(FaultError::Failed(error)) => Err(failed(hook, &error)),
        }
    }

    fn lacks<T>(&self, what: String) -> CaseResult<T> {
        // The first is what the case needs; what follows comes of it.
        self.state().lacks.get_or_insert_with(|| what.clone());
        Err(what)
    }
}

fn failed(hook: &str, error: &dyn std::fmt::Display) -> String {
    format!("the hook {hook} failed: {error}")
}
