//! Where a broker keeps its files.

use std::path::Path;
use std::sync::OnceLock;

use tempfile::TempDir;

use crate::BrokerError;

/// A temporary folder that is made when it is first asked for, and removed with this value.
///
/// Most embedded brokers need none, and one in a `static`, which is never dropped, shall not leave an empty one.
#[derive(Debug, Default)]
pub(crate) struct Folder(OnceLock<TempDir>);

impl Folder {
    pub(crate) fn path(&self) -> Result<&Path, BrokerError> {
        if let Some(folder) = self.0.get() {
            return Ok(folder.path());
        }
        let made = tempfile::Builder::new()
            .prefix("test-broker-")
            .tempdir()
            .map_err(BrokerError::io("make a temporary folder"))?;
        Ok(self.0.get_or_init(|| made).path())
    }
}
