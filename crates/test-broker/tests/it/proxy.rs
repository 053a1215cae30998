use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use pip_services_test_broker::Proxy;

use crate::wire::{is_timeout, uninterrupted};

/// How long something may take that has to happen.
const TIMEOUT: Duration = Duration::from_secs(20);
/// How long to look for what must not happen.
const QUIET: Duration = Duration::from_millis(200);

/// A server, and a proxy to it.
fn network() -> (TcpListener, Proxy) {
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::to(server.local_addr().unwrap()).unwrap();
    (server, proxy)
}

fn client(proxy: &Proxy) -> TcpStream {
    TcpStream::connect(proxy.address()).unwrap()
}

/// A client and the server's end of its connection.
fn connected(server: &TcpListener, proxy: &Proxy) -> (TcpStream, TcpStream) {
    let client = client(proxy);
    (client, server.accept().unwrap().0)
}

fn expect(stream: &mut TcpStream, expected: &[u8]) {
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    let mut got = vec![0; expected.len()];
    stream.read_exact(&mut got).unwrap();
    assert_eq!(got, expected);
}

/// Neither data nor the end of the connection comes.
fn expect_nothing(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(QUIET)).unwrap();
    let error = uninterrupted(|| stream.read(&mut [0])).unwrap_err();
    assert!(is_timeout(&error), "{error}");
}

fn expect_end(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(TIMEOUT)).unwrap();
    match uninterrupted(|| stream.read(&mut [0])) {
        Ok(0) => {}
        Err(error) if error.kind() == ErrorKind::ConnectionReset => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn data_passes_in_both_directions() {
    ask_and_answer();
}

#[tokio::test]
async fn it_works_inside_of_a_runtime() {
    ask_and_answer();
}

fn ask_and_answer() {
    let (server, proxy) = network();
    let (mut one, mut other) = connected(&server, &proxy);
    one.write_all(b"ask").unwrap();
    expect(&mut other, b"ask");
    other.write_all(b"answer").unwrap();
    expect(&mut one, b"answer");
}

#[test]
fn what_is_sent_during_a_cut_waits_and_neither_side_is_told() {
    let (server, proxy) = network();
    let (mut one, mut other) = connected(&server, &proxy);
    proxy.cut();
    one.write_all(b"ask").unwrap();
    other.write_all(b"answer").unwrap();
    expect_nothing(&mut one);
    expect_nothing(&mut other);
    proxy.heal();
    expect(&mut one, b"answer");
    expect(&mut other, b"ask");
}

#[test]
fn the_end_of_a_connection_during_a_cut_is_told_when_it_is_healed() {
    let (server, proxy) = network();
    let (one, mut other) = connected(&server, &proxy);
    proxy.cut();
    drop(one);
    expect_nothing(&mut other);
    proxy.heal();
    expect_end(&mut other);
}

#[test]
fn a_connection_made_during_a_cut_goes_nowhere_until_it_is_healed() {
    let (server, proxy) = network();
    proxy.cut();
    let mut late = client(&proxy);
    late.write_all(b"ask").unwrap();
    server.set_nonblocking(true).unwrap();
    expect_nothing(&mut late);
    assert_eq!(server.accept().unwrap_err().kind(), ErrorKind::WouldBlock);
    proxy.heal();
    server.set_nonblocking(false).unwrap();
    expect(&mut server.accept().unwrap().0, b"ask");
}

#[test]
fn a_disconnect_closes_the_connections_on_both_sides_and_lets_new_ones_through() {
    let (server, proxy) = network();
    let (mut one, mut other) = connected(&server, &proxy);
    proxy.disconnect();
    expect_end(&mut one);
    expect_end(&mut other);
    let (mut one, mut other) = connected(&server, &proxy);
    one.write_all(b"again").unwrap();
    expect(&mut other, b"again");
}

#[test]
fn a_delay_makes_data_late() {
    let (server, proxy) = network();
    let (mut one, mut other) = connected(&server, &proxy);
    proxy.delay(QUIET);
    let start = Instant::now();
    one.write_all(b"late").unwrap();
    expect(&mut other, b"late");
    assert!(start.elapsed() >= QUIET, "{:?}", start.elapsed());
}

#[test]
fn a_client_is_cut_off_where_nobody_listens_behind_the_proxy_and_when_the_proxy_goes() {
    let (server, proxy) = network();
    let (mut one, _other) = connected(&server, &proxy);
    drop(server);
    expect_end(&mut client(&proxy));
    drop(proxy);
    expect_end(&mut one);
}

#[test]
fn one_in_so_many_packets_takes_longer() {
    let (server, proxy) = network();
    let (mut one, mut other) = connected(&server, &proxy);
    proxy.delay_one_in(3, Duration::from_secs(1));
    let mut took = || {
        let start = Instant::now();
        one.write_all(b"ask").unwrap();
        expect(&mut other, b"ask");
        start.elapsed()
    };
    let took: Vec<_> = (0..6).map(|_| took()).collect();
    for (number, took) in (1..).zip(took) {
        // Not how fast the others are: only that they do not wait for so long.
        assert!(number % 3 != 0 || took >= Duration::from_secs(1), "packet {number} took {took:?}");
    }
}
