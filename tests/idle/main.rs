//! What waiting costs. One test in a process of its own, so that nothing else is measured.

// The lints' exception for tests covers the test functions alone, and not what they call.
#![allow(clippy::unwrap_used, clippy::expect_used)]
// Here the system tells in /proc how much a process has run.
#![cfg(target_os = "linux")]

use std::{fs, path::Path, time::Duration};

use pip_services_commons::{
    config::{ConfigParams, IConfigurable},
    run::IClosable,
};
use pip_services_messaging::{IMessageQueue, MemoryMessageQueue};
use pip_services_mqtt::MqttMessageQueue;
use pip_services_test_broker::{Engine, TestBroker};

const IDLE: Duration = Duration::from_secs(2);

/// Of two seconds; a loop that polls each millisecond takes about 110 ms.
const MOST_CPU_TIME: Duration = Duration::from_millis(50);

/// Within two seconds; a loop that polls each 10 ms makes about 400, the queues about 10.
const MOST_WAKE_UPS: u64 = 100;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receive_that_waits_does_not_poll() {
    // Another process, whose time is its own.
    let broker = TestBroker::start(Engine::Mosquitto).unwrap();
    let memory = MemoryMessageQueue::new("orders");
    let mqtt = MqttMessageQueue::new("orders");
    let mut config = ConfigParams::from_tuples([("connection.host", broker.host())]);
    config.put("connection.port", broker.port());
    mqtt.configure(&config).unwrap();

    for queue in [&memory as &dyn IMessageQueue, &mqtt] {
        queue.open(None).await.unwrap();
        // The first one may subscribe.
        assert!(queue.receive(None, Duration::ZERO).await.unwrap().is_none());
        let (cpu_time_before, wake_ups_before) = (cpu_time(), wake_ups());
        assert!(queue.receive(None, IDLE).await.unwrap().is_none());
        let (cpu_time, wake_ups) = (cpu_time() - cpu_time_before, wake_ups().saturating_sub(wake_ups_before));
        println!("{cpu_time:?} of CPU time and {wake_ups} wake-ups");
        assert!(cpu_time < MOST_CPU_TIME, "{cpu_time:?}");
        assert!(wake_ups < MOST_WAKE_UPS, "{wake_ups}");
    }
    mqtt.close(None).await.unwrap();
}

/// How long this process has run, all its threads together.
fn cpu_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap();
    // The name stands in parentheses and may hold anything; user and system time are the 14th and 15th field.
    let (_, after_name) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    let ticks: u64 = fields[11..13].iter().map(|ticks| ticks.parse::<u64>().unwrap()).sum();
    // To programs Linux tells them in hundredths of a second, whatever it counts in.
    Duration::from_millis(ticks * 10)
}

/// How often the threads of this process have gone to sleep, and so were woken.
fn wake_ups() -> u64 {
    let threads = fs::read_dir("/proc/self/task").unwrap();
    threads.map(|thread| wake_ups_of(&thread.unwrap().path())).sum()
}

fn wake_ups_of(thread: &Path) -> u64 {
    // A thread that has ended since is not there any more.
    let status = fs::read_to_string(thread.join("status")).unwrap_or_default();
    let count = status.lines().find_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
    count.map_or(0, |count| count.trim().parse().unwrap())
}
