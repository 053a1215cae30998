use std::env;
use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use pip_services_test_broker::{Engine, TestBroker};

use crate::wire::Client;

const DEADLINE: Duration = Duration::from_secs(20);

fn listens(broker: &TestBroker) -> bool {
    TcpStream::connect(broker.address()).is_ok()
}

/// Whether there is such a process. One that ended but was not waited for counts: it was left behind.
fn exists(process: u32) -> bool {
    Path::new("/proc").join(process.to_string()).exists()
}

on_both_engines!(
    a_started_broker_says_where_it_is,
    stop_frees_the_port_and_closes_connections,
    stop_does_not_wait_for_a_client_that_never_speaks,
    crash_closes_connections_and_frees_the_port,
    restart_comes_back_on_the_same_port,
    restart_of_a_running_broker_stops_it_first,
    stop_and_crash_of_a_stopped_broker_do_nothing,
    drop_ends_the_broker,
    it_runs_inside_a_runtime,
    it_runs_inside_a_runtime_of_many_threads,
    brokers_run_side_by_side,
);

fn a_started_broker_says_where_it_is(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    assert_eq!(broker.engine(), engine);
    assert_eq!(broker.host(), "127.0.0.1");
    assert_eq!(broker.address(), format!("127.0.0.1:{}", broker.port()));
    assert_eq!(broker.process_id().is_some(), engine == Engine::Mosquitto);
    assert!(broker.is_running());
    Client::connect(&broker, "somebody").ping();
}

fn stop_frees_the_port_and_closes_connections(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    let mut client = Client::connect(&broker, "somebody");
    broker.stop().unwrap();
    assert!(!broker.is_running());
    assert_eq!(broker.process_id(), None);
    assert!(!listens(&broker));
    TcpListener::bind(broker.address()).unwrap();
    assert!(client.is_closed());
}

fn stop_does_not_wait_for_a_client_that_never_speaks(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    let mut client = Client::silent(&broker);
    // The broker has certainly seen the silent client when it has answered a later one.
    Client::connect(&broker, "somebody").ping();
    let begin = Instant::now();
    broker.stop().unwrap();
    assert!(begin.elapsed() < Duration::from_secs(4), "{:?}", begin.elapsed());
    assert!(client.is_closed());
}

fn crash_closes_connections_and_frees_the_port(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    let mut client = Client::connect(&broker, "somebody");
    broker.crash().unwrap();
    assert!(!broker.is_running());
    assert!(!listens(&broker));
    TcpListener::bind(broker.address()).unwrap();
    assert!(client.is_closed());
}

fn restart_comes_back_on_the_same_port(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    let port = broker.port();
    for end in [TestBroker::stop, TestBroker::crash] {
        // A connection that the broker closes first keeps the port busy for a while, to whom does not ask otherwise.
        let _client = Client::connect(&broker, "before");
        end(&broker).unwrap();
        broker.restart().unwrap();
        assert!(broker.is_running());
        assert_eq!(broker.port(), port);
        Client::connect(&broker, "after").ping();
    }
}

fn restart_of_a_running_broker_stops_it_first(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    let before = broker.process_id();
    let mut client = Client::connect(&broker, "before");
    broker.restart().unwrap();
    assert!(client.is_closed());
    assert_eq!(engine == Engine::Mosquitto, broker.process_id() != before);
    Client::connect(&broker, "after").ping();
}

fn stop_and_crash_of_a_stopped_broker_do_nothing(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    broker.stop().unwrap();
    broker.stop().unwrap();
    broker.crash().unwrap();
    assert!(!listens(&broker));
}

fn drop_ends_the_broker(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    let (address, process) = (broker.address(), broker.process_id());
    let mut client = Client::connect(&broker, "somebody");
    drop(broker);
    assert!(client.is_closed());
    assert!(TcpStream::connect(&address).is_err());
    if let Some(process) = process {
        assert!(!exists(process));
    }
}

fn use_all_calls(engine: Engine) {
    let broker = TestBroker::start(engine).unwrap();
    Client::connect(&broker, "first").ping();
    broker.restart().unwrap();
    let mut client = Client::connect(&broker, "second");
    if engine == Engine::Embedded {
        broker.disconnect_client("second").unwrap();
        assert!(client.is_closed());
    }
    broker.crash().unwrap();
    broker.restart().unwrap();
    Client::connect(&broker, "third").ping();
    broker.stop().unwrap();
}

fn it_runs_inside_a_runtime(engine: Engine) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { use_all_calls(engine) });
}

fn it_runs_inside_a_runtime_of_many_threads(engine: Engine) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::spawn(async move { use_all_calls(engine) }).await.unwrap() });
}

fn brokers_run_side_by_side(engine: Engine) {
    let brokers: Vec<_> = (0..5).map(|_| TestBroker::start(engine).unwrap()).collect();
    brokers[0].stop().unwrap();
    for broker in &brokers[1..] {
        assert_ne!(broker.port(), brokers[0].port());
        Client::connect(broker, "somebody").ping();
    }
}

/// Set for the process that `a_killed_test_runner_leaves_no_mosquitto_behind` starts.
const IS_THE_RUNNER: &str = "TEST_BROKER_RUNNER_TO_KILL";

#[test]
fn a_killed_test_runner_leaves_no_mosquitto_behind() {
    if env::var_os(IS_THE_RUNNER).is_some() {
        let broker = TestBroker::start(Engine::Mosquitto).unwrap();
        // Frozen, so that only a kill ends it.
        broker.freeze().unwrap();
        println!("\nbroker={}", broker.process_id().unwrap());
        thread::sleep(Duration::from_secs(600));
        return;
    }

    // The runner's temporary files go here, to see what is left of them.
    let temporary = tempfile::tempdir().unwrap();
    let mut runner = Command::new(env::current_exe().unwrap())
        .args(["--exact", "lifecycle::a_killed_test_runner_leaves_no_mosquitto_behind", "--nocapture"])
        .env(IS_THE_RUNNER, "1")
        .env("TMPDIR", temporary.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let output = BufReader::new(runner.stdout.take().unwrap());
    let broker = output
        .lines()
        .map_while(Result::ok)
        .find_map(|line| line.strip_prefix("broker=")?.parse().ok())
        .expect("the runner says which process its broker is");
    let files = || std::fs::read_dir(temporary.path()).unwrap().count();
    assert!(is_alive(broker));
    assert_eq!(files(), 1);

    runner.kill().unwrap();
    runner.wait().unwrap();
    let deadline = Instant::now() + DEADLINE;
    while is_alive(broker) || files() > 0 {
        assert!(Instant::now() < deadline, "process {broker} or its folder is still there");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Whether the process runs. An orphan that is dead is waited for by whoever adopted it, which may take its time.
fn is_alive(process: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, after_name)| !after_name.trim_start().starts_with('Z'))
}
