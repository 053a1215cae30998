use std::sync::Arc;

use super::{Closer, IOpenable};
use crate::{
    errors::ApplicationError,
    refer::{Component, cast},
};

/// Opens components; ports `Opener`. Components that need no opening are passed over.
#[derive(Debug, Clone, Copy)]
pub struct Opener;

impl Opener {
    /// Opens each component, in order. At the first failure those opened before are closed, in reverse.
    ///
    /// # Errors
    /// The error of the component that did not open.
    pub async fn open(
        correlation_id: Option<&str>,
        components: &[Arc<dyn Component>],
    ) -> Result<(), ApplicationError> {
        for (index, component) in components.iter().enumerate() {
            let Some(openable) = cast::<dyn IOpenable>(component) else {
                continue;
            };
            if let Err(error) = openable.open(correlation_id).await {
                // The component's own error is the one that matters; a failed close would only hide it.
                let opened: Vec<_> = components[..index].iter().rev().cloned().collect();
                let _ = Closer::close(correlation_id, &opened).await;
                return Err(error);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;

    use super::*;
    use crate::{component, run::IClosable};

    type Journal = Arc<Mutex<Vec<String>>>;

    struct Part {
        name: &'static str,
        fails: bool,
        journal: Journal,
    }
    component!(Part: dyn IOpenable, dyn IClosable);

    impl Part {
        fn note(&self, what: &str) -> Result<(), ApplicationError> {
            self.journal.lock().unwrap().push(format!("{what} {}", self.name));
            match self.fails {
                true => Err(ApplicationError::internal(None, "FAILED", format!("{what} {}", self.name))),
                false => Ok(()),
            }
        }
    }

    #[async_trait]
    impl IClosable for Part {
        async fn close(&self, _: Option<&str>) -> Result<(), ApplicationError> {
            self.note("close")
        }
    }

    #[async_trait]
    impl IOpenable for Part {
        fn is_open(&self) -> bool {
            false
        }

        async fn open(&self, _: Option<&str>) -> Result<(), ApplicationError> {
            self.note("open")
        }
    }

    fn parts(journal: &Journal, parts: &[(&'static str, bool)]) -> Vec<Arc<dyn Component>> {
        let part =
            |&(name, fails)| Arc::new(Part { name, fails, journal: journal.clone() }) as Arc<dyn Component>;
        parts.iter().map(part).collect()
    }

    #[tokio::test]
    async fn a_failed_open_closes_what_was_opened_in_reverse() {
        let journal = Journal::default();
        let parts = parts(&journal, &[("a", false), ("b", false), ("c", true), ("d", false)]);
        let error = Opener::open(None, &parts).await.unwrap_err();
        assert_eq!(error.message(), "open c");
        assert_eq!(*journal.lock().unwrap(), ["open a", "open b", "open c", "close b", "close a"]);
    }

    #[tokio::test]
    async fn closing_goes_on_after_a_failure_and_reports_every_one() {
        let journal = Journal::default();
        let parts = parts(&journal, &[("a", true), ("b", false), ("c", true)]);
        let error = Closer::close(None, &parts).await.unwrap_err();
        assert_eq!((error.message(), error.detail("also.1")), ("close a", Some("FAILED: close c")));
        assert_eq!(*journal.lock().unwrap(), ["close a", "close b", "close c"]);
    }
}
