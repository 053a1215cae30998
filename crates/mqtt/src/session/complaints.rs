use pip_services_components::log::ILogger;

use super::core::Core;
use crate::client::Malformed;

/// Tells of what a broker sends that MQTT does not have: each time to the counters, and once for each burst to the log.
#[derive(Default)]
pub(super) struct Complaints {
    in_burst: bool,
}

impl Complaints {
    /// A message came that is one.
    pub(super) fn well_formed(&mut self) {
        self.in_burst = false;
    }

    pub(super) fn malformed(&mut self, core: &Core, what: &Malformed) {
        core.counters.malformed();
        let client_id = &core.options.client_id;
        match what {
            Malformed::Text(topic) => {
                if std::mem::replace(&mut self.in_burst, true) {
                    return;
                }
                core.tell(|logger| {
                    let what = format_args!(
                        "Skipped a message for client '{client_id}' whose topic or a property is no text of MQTT, and may skip \
                         more: topic \"{topic}\""
                    );
                    logger.error(None, None, what);
                });
            }
            Malformed::Packet => core.tell(|logger| {
                let what = format_args!(
                    "The broker sent client '{client_id}' a packet that contradicts itself or that no broker may send, which ends the connection"
                );
                logger.error(None, None, what);
            }),
        }
    }
}
