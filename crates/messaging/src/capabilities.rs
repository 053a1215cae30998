/// What a queue can do; ports `MessagingCapabilities`.
///
/// The flags tell the truth: an operation whose flag is false fails with `NOT_SUPPORTED`, and never does
/// nothing in silence as in other ports. `complete` has no flag: it always works, and does nothing on a
/// queue without locks.
///
/// ```
/// use pip_services_messaging::MessagingCapabilities;
///
/// let capabilities = MessagingCapabilities { can_send: true, ..MessagingCapabilities::default() };
/// assert!(capabilities.can_send && !capabilities.can_receive);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct MessagingCapabilities {
    /// `read_message_count` works.
    pub can_message_count: bool,
    /// `send` works.
    pub can_send: bool,
    /// `receive` and `listen` work.
    pub can_receive: bool,
    /// `peek` works.
    pub can_peek: bool,
    /// `peek_batch` works.
    pub can_peek_batch: bool,
    /// A received message is locked, and `renew_lock` extends the lock.
    pub can_renew_lock: bool,
    /// `abandon` puts a received message back.
    pub can_abandon: bool,
    /// `move_to_dead_letter` works.
    pub can_dead_letter: bool,
    /// `clear` works.
    pub can_clear: bool,
}
