//! What is said about the figures. It stays when they are measured again, so it tells what they mean and no number.

use crate::questions::QuestionId;

/// A title, and what is measured.
pub(super) fn question(id: QuestionId) -> (&'static str, &'static str) {
    match id {
        QuestionId::Send => (
            "How fast messages are sent",
            "Payloads of 100 bytes without the envelope, until the broker has all. Nobody subscribes. *Each awaited*: one task \
             sends, and waits for each message. At QoS 0 that is something else for each: this project returns when the \
             client has the message and there is room for another one, paho-mqtt when it is written, and rumqttc when it \
             is in a channel. *Many at once*: 100 tasks, or `send_batch`; paho-mqtt with 1000 in flight at QoS 0, where it \
             is fastest, and 100 otherwise; rumqttc with 100 in flight. The Python queue never waits for an answer.",
        ),
        QuestionId::EndToEnd => (
            "From process to process",
            "Payloads of 100 bytes, sent with many at once by one process and received by a listener in another one, both of \
             the same contender. The time ends when the receiver has all. paho-mqtt receives by a callback on the \
             library's thread, which is its fastest way. The Python queue has its envelope, as it cannot receive without. paho-mqtt has 1000 in flight at QoS 0 here too, \
             where fewer may suit it better: it may be faster than it looks.",
        ),
        QuestionId::Latency => (
            "How long a message takes",
            "From the call of a send to the return of a receive that waits for it, or to the call of a listener, at QoS 0 \
             with payloads of 100 bytes. Sender and receiver have a connection each, in one process. Messages come one by \
             one with pauses of half a millisecond. The Python queue's receive looks every 100 ms whether there \
             is one; it is measured with as many messages as that allows, too few for a p99.9.",
        ),
        QuestionId::Payload => (
            "The size of the payload, and the envelope",
            "QoS 0, many at once: sent until the broker has all, and received by a listener in another process.",
        ),
        QuestionId::Cost => (
            "Processor time and memory",
            "Of messages with payloads of 100 bytes from process to process, as above. Processor time is that of the user \
             and the system, without the broker's. Memory is the resident set.",
        ),
        QuestionId::Start => (
            "From the start of a process to its first message",
            "The process subscribes on one connection, sends itself a message on another one, and has received it. Middle of \
             ten starts in each round.",
        ),
        QuestionId::Queues => (
            "Many queues on one connection",
            "Messages at QoS 0 go round so many topics from process to process, through as many queues on one connection at \
             each end. paho-mqtt and rumqttc count messages in one place, whatever their topic.",
        ),
        QuestionId::Allocations => (
            "Allocations",
            "Of a message of 100 bytes at QoS 0 without the envelope, sent and received in one process, in a steady state. \
             Only those of Rust code count, in this project and in the crates below: what the C library below paho-mqtt, and so below this project, allocates comes on top.",
        ),
    }
}

/// What limits it, where the cost grows with something.
pub(super) fn limits(id: QuestionId) -> Option<&'static str> {
    match id {
        QuestionId::Payload => Some(PAYLOAD),
        QuestionId::Queues => Some(QUEUES),
        _ => None,
    }
}

const PAYLOAD: &str = "Small messages cost what a message costs, whatever its size: the calls, the library's bookkeeping and its \
    locks; with the envelope also JSON and base64, which weigh most where the payload is small. From some KiB on \
    bytes count, and the sender's side is the end that limits: the library below keeps one message after another \
    on one thread, and a packet that its socket does not take at once goes on only when that thread looks again, \
    so that with large payloads paho-mqtt and this project fall far behind rumqttc alike. No profile backs this \
    yet for large payloads.";
const QUEUES: &str = "More queues on one connection cost this project little: a message is matched against the topics of the \
    connection's queues, and each queue has a cache and a listener of its own. All of a connection's messages \
    come through one socket and one task, which stay the limit at each end.";
