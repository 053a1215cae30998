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
             is in a channel. *Many at once*: this project by 100 tasks or by `send_batch`, with 100 in \
             flight; paho-mqtt and rumqttc by one task with 100 and with 1000 in flight, of which the better figure of \
             the round is theirs. The Python queue never waits for an answer.",
        ),
        QuestionId::EndToEnd => (
            "From process to process",
            "Payloads of 100 bytes, sent with many at once by one process and received by a listener in another one, both of \
             the same contender. The time ends when the receiver has all. Each sends in both of its ways, as above; the \
             better figure of the round is its own. Processor time is that of the user and the system in both processes \
             together, for 100 000 messages, without the broker's. paho-mqtt receives by a callback on the library's thread, which is \
             its fastest way. The Python queue has its envelope, as it cannot receive without.",
        ),
        QuestionId::Latency => (
            "How long a message takes",
            "From the call of a send to the return of a receive that waits for it, or to the call of a listener, at QoS 0 \
             with payloads of 100 bytes. Sender and receiver have a connection each, in one process. A message is sent \
             each millisecond, or later where the one before took longer. The Python queue's receive looks every 100 ms \
             whether there is one; it is measured with as many messages as that allows, too few for a p99.9.",
        ),
        QuestionId::Payload => (
            "The size of the payload, and the envelope",
            "QoS 0, many at once: sent until the broker has all, and received by a listener in another process. Each sends in \
             both of its ways, of which the best figure counts. Those of paho-mqtt are 100 and 1000 in flight with small \
             payloads, 4 and 100 with 1 KiB, and 1 and 4 with 64 KiB, as it stalls when more is written than its socket takes; \
             this project has 100. Processor time is that of 100 000 messages.",
        ),
        QuestionId::Cost => (
            "Processor time and memory",
            "Of a million messages with payloads of 100 bytes from process to process, as above, by 100 tasks or with 100 in \
             flight. Processor time is that of 100 000. Memory is the resident set. The Python queue would take too long.",
        ),
        QuestionId::Start => (
            "From the start of a process to its first message",
            "The process subscribes on one connection, sends itself a message on another one, and has received it. Middle of \
             ten starts in each round.",
        ),
        QuestionId::Queues => (
            "Many queues on one connection",
            "Messages at QoS 0 go round so many topics from process to process, through as many queues on one connection at \
             each end. paho-mqtt and rumqttc count messages in one place, whatever their topic. Processor time is that of \
             100 000 messages.",
        ),
        QuestionId::Allocations => (
            "Allocations",
            "Of a message of 100 bytes at QoS 0 without the envelope, sent and received in one process, in a steady state, by \
             the way with the fewest. Only those of Rust code count, in this project and in the crates below: what the C \
             library below paho-mqtt, and so below this project, allocates comes on top.",
        ),
    }
}
