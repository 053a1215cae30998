use std::io::{Read, Write};
use std::net::TcpStream;

use pip_services_test_broker::{BrokerError, Engine, TestBroker};

#[test]
fn a_websocket_broker_upgrades_connections_before_and_after_a_restart() {
    let broker = TestBroker::builder(Engine::Mosquitto).websocket().start().unwrap();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(broker.address()).unwrap();
        let request = "GET /mqtt HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: mqtt\r\n\r\n";
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101");
        broker.restart().unwrap();
    }
}

#[test]
fn what_the_embedded_broker_cannot_do_is_an_error() {
    let tls = TestBroker::builder(Engine::Embedded).tls("certificate", "key").start().unwrap_err();
    assert!(matches!(tls, BrokerError::Unsupported { call: "tls", .. }), "{tls}");
    let websocket = TestBroker::builder(Engine::Embedded).websocket().start().unwrap_err();
    assert!(matches!(websocket, BrokerError::Unsupported { call: "websocket", .. }), "{websocket}");
    let inflight = TestBroker::builder(Engine::Embedded).max_inflight(20).start().unwrap_err();
    assert!(matches!(inflight, BrokerError::Unsupported { call: "max_inflight", .. }), "{inflight}");
}
