use std::{sync::Arc, time::Instant};

use pip_services_commons::refer::{IReferenceable, IReferences, References};
use pip_services_commons::run::IOpenable;
use pip_services_components::{
    count::LogCounters,
    log::{ConsoleLogger, ILogger, LogLevel},
};
use pip_services_messaging::{MemoryMessageQueue, MessageEnvelope};
use tokio::{runtime::Runtime, task::JoinSet};

use crate::{
    Scale,
    contenders::{AsyncChannel, Contender, Flume, Mpsc, Queue, QueueEnd, Receiver, Sender},
    one_thread,
    statistics::median,
    two_threads,
};

/// How many messages a bounded contender holds.
const BOUND: usize = 1_024;

/// Who takes part in a round.
#[derive(Clone, Copy)]
enum Tasks {
    /// One task that sends a message and receives it, again and again.
    One,
    /// Tasks that send, and tasks that receive.
    Apart { senders: usize, receivers: usize },
}

/// Prints messages per second of all, and what share of the fastest channel the queue is: in the median of all rounds,
/// and in the best round of each, which was disturbed least.
pub(crate) fn compare(scale: Scale) {
    for bound in [Some(BOUND), None] {
        for (name, tasks) in [
            ("1 task", Tasks::One),
            ("2 tasks, 1 sends and 1 receives", Tasks::Apart { senders: 1, receivers: 1 }),
            ("4 tasks, 3 send and 1 receives", Tasks::Apart { senders: 3, receivers: 1 }),
            ("4 tasks, 2 send and 2 receive", Tasks::Apart { senders: 2, receivers: 2 }),
        ] {
            let bounded = bound.map_or("no bound".into(), |bound| format!("at most {bound} messages"));
            println!("\n{name}, {bounded}");
            let runtime = if let Tasks::One = tasks { one_thread() } else { two_threads() };
            let mut speeds: [Vec<f64>; 4] = Default::default();
            let mut ratios = Vec::new();
            for _ in 0..scale.rounds {
                let round = [
                    speed::<Queue>(&runtime, bound, tasks, scale.messages),
                    speed::<Mpsc>(&runtime, bound, tasks, scale.messages),
                    speed::<AsyncChannel>(&runtime, bound, tasks, scale.messages),
                    speed::<Flume>(&runtime, bound, tasks, scale.messages),
                ];
                ratios.push(round[0].unwrap() / round[1..].iter().flatten().copied().fold(0.0, f64::max));
                for (speeds, speed) in speeds.iter_mut().zip(round) {
                    speeds.extend(speed);
                }
            }
            let mut bests = Vec::new();
            for (name, speeds) in
                [Queue::NAME, Mpsc::NAME, AsyncChannel::NAME, Flume::NAME].into_iter().zip(&mut speeds)
            {
                if speeds.is_empty() {
                    continue;
                }
                let (middle, best) = (median(speeds), speeds[speeds.len() - 1]);
                println!("  {name:<20} {middle:>10.0} messages/s, best {best:>10.0}");
                bests.push(best);
            }
            let best = bests[0] / bests[1..].iter().copied().fold(0.0, f64::max);
            println!("  queue : fastest      {:>10.2}            , best {best:>10.2}", median(&mut ratios));
        }
    }
}

/// Prints messages per second of one task as a service has it: messages are made, counted by counters, and
/// offered to a logger that is switched off.
pub(crate) fn observed(scale: Scale) {
    let logger = Arc::new(ConsoleLogger::new());
    logger.set_level(LogLevel::None);
    let references = References::new();
    references.put("pip-services:logger:console:default:1.0".parse().unwrap(), logger);
    let counters = Arc::new(LogCounters::new());
    references.put("pip-services:counters:log:default:1.0".parse().unwrap(), counters.clone());

    let queue = MemoryMessageQueue::new("orders");
    queue.set_references(&references).unwrap();
    let runtime = one_thread();
    runtime.block_on(queue.open(None)).unwrap();
    let queue = QueueEnd(Arc::new(queue));
    let mut speeds = Vec::new();
    for _ in 0..scale.rounds {
        let start = Instant::now();
        let task = runtime.spawn(to_and_fro(queue.clone(), queue.clone(), scale.messages));
        runtime.block_on(task).unwrap();
        speeds.push(scale.messages as f64 / start.elapsed().as_secs_f64());
    }
    let counted = counters.get("queue.orders.received_messages").and_then(|counter| counter.count);
    assert_eq!(counted, i64::try_from(scale.rounds * scale.messages).ok(), "not all was counted");
    println!("\n1 task that makes, sends, receives and completes, with counters and a disabled logger");
    let (middle, best) = (median(&mut speeds), speeds[speeds.len() - 1]);
    println!("  {:<20} {middle:>10.0} messages/s, best {best:>10.0}", Queue::NAME);
}

fn speed<C: Contender>(runtime: &Runtime, bound: Option<usize>, tasks: Tasks, count: usize) -> Option<f64> {
    let (senders, receivers) = match tasks {
        Tasks::One => (1, 1),
        Tasks::Apart { senders, receivers } => (senders, receivers),
    };
    let (sender, mut receivers) = C::make(bound, receivers)?;
    let start = Instant::now();
    runtime.block_on(async {
        let mut running = JoinSet::new();
        if let Tasks::One = tasks {
            running.spawn(to_and_fro(sender, receivers.remove(0), count));
        } else {
            let share = count / receivers.len();
            for mut receiver in receivers {
                running.spawn(async move {
                    for _ in 0..share {
                        receiver.receive().await;
                    }
                });
            }
            for _ in 0..senders {
                let sender = sender.clone();
                running.spawn(async move {
                    for _ in 0..count / senders {
                        sender.send(message()).await;
                    }
                });
            }
        }
        while let Some(ended) = running.join_next().await {
            ended.unwrap();
        }
    });
    Some(count as f64 / start.elapsed().as_secs_f64())
}

/// Sends a message and receives it, again and again.
async fn to_and_fro(sender: impl Sender, mut receiver: impl Receiver, count: usize) {
    for _ in 0..count {
        sender.send(message()).await;
        receiver.receive().await;
    }
}

fn message() -> MessageEnvelope {
    MessageEnvelope::new(Some("123"), "order", "one pizza")
}
