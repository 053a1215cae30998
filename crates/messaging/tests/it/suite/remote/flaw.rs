/// What is wrong with a remote queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    None,
    /// Takes an error for success when it opens.
    SwallowsOpenErrors,
    /// Counts as open although it did not open.
    OpenAfterFailure,
    /// Tells of a failed open by a code of its own.
    StrangeCode,
    /// Takes a refused subscription for an empty queue.
    IgnoresRefusal,
    /// Ends at what is no message.
    ChokesOnGarbage,
    /// Skips what is no message and tells nobody.
    SkipsInSilence,
    /// Counts what is no message and does not log it.
    OnlyCounts,
    /// Sends to the queue of its name and receives from that of its topic.
    SendsByName,
    /// Looks at a name only as far as the first slash.
    CutsNames,
    /// Waits for its receiver when the listening ends, also where the receiver ends it.
    WaitsForItsReceiver,
    /// Loses a message that waits when it is closed.
    LosesOneAtClose,
    /// Says Ok while there is no network.
    LiesInCut,
    /// Has no timeouts.
    Hangs,
    /// A send has no timeout.
    SendHangs,
    /// A close waits for the broker.
    CloseHangs,
    /// A receive does not wait for a broker that does not answer.
    GivesUpAtOnce,
    /// Sends although it did not open.
    SendsUnopened,
    /// Cannot be closed where it did not open.
    ClosesBadly,
    /// Gives one of its instances each message twice.
    RepeatsToOne,
    /// Does not listen any more after its connection was lost.
    DeafAfterLoss,
    /// A receive that waits does so for ever once the connection was lost.
    StuckAfterLoss,
    /// Delivers once more what was completed before the connection was lost.
    RepeatsAfterLoss,
    /// A broker that takes messages while it is restarted, and forgets them.
    ForgetsAtRestart,
    /// A broker that keeps nothing for a queue that is closed.
    ForgetsTheClosed,
}
