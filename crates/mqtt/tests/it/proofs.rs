// What Mosquitto 2.0.11 does with messages of kept sessions when a connection or it itself ends, as far as the tests under
// load rely on it. Told by a client of nothing but packets, so that nobody else can be at fault.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use pip_services_test_broker::{Engine, TestBroker};

use crate::{
    packets::{PUBACK, PUBCOMP, PUBLISH, PUBREC, PUBREL},
    raw_client::{Packet, RawClient},
    support::times,
};

const VERSIONS: [u8; 2] = [4, 5];

/// The flags of a PUBLISH.
const AT_1: u8 = 2;
const AT_2: u8 = 4;
const AT_2_AGAIN: u8 = 8 | AT_2;

/// How many messages are under way at once.
const MESSAGES: u16 = 3;

/// How often each kill is tried.
fn rounds() -> usize {
    times(3) as usize
}

fn persistent() -> TestBroker {
    TestBroker::builder(Engine::Mosquitto).persistent().start().unwrap()
}

async fn receiver(broker: &TestBroker, version: u8) -> RawClient {
    let (mut client, was_there) =
        RawClient::connect(&broker.address(), version, "receiver", false).await.unwrap();
    if !was_there {
        client.subscribe("orders", 2).await.unwrap();
    }
    client
}

async fn sender(broker: &TestBroker, version: u8) -> RawClient {
    RawClient::connect(&broker.address(), version, "sender", true).await.unwrap().0
}

/// Publishes a message and sees it through up to the answer of that kind.
async fn publish(client: &mut RawClient, id: u16, text: &str, up_to: u8) {
    let flags = if up_to == PUBACK { AT_1 } else { AT_2 };
    client.publish("orders", flags, id, text).await.unwrap();
    if up_to == PUBCOMP {
        client.read(PUBREC).await.unwrap();
        client.answer(PUBREL, id).await.unwrap();
    }
    client.read(up_to).await.unwrap();
}

/// What the broker knows of its messages at the end of a connection.
#[derive(Debug, Clone, Copy)]
enum State {
    Published,
    /// It has PUBREC and has written PUBREL.
    Released,
    Completed,
}

/// A receiver with messages in that state, all of them in the broker's store.
async fn receiver_in(state: State, broker: &TestBroker, version: u8, messages: u16) -> RawClient {
    let mut receiver = receiver(broker, version).await;
    let mut sender = sender(broker, version).await;
    for id in 1..=messages {
        publish(&mut sender, id, &format!("{id}"), PUBCOMP).await;
    }
    for id in 1..=messages {
        assert_eq!(receiver.read(PUBLISH).await.unwrap().id(), id);
    }
    if !matches!(state, State::Published) {
        for id in 1..=messages {
            receiver.answer(PUBREC, id).await.unwrap();
        }
        for id in 1..=messages {
            assert_eq!(receiver.read(PUBREL).await.unwrap().id(), id);
        }
    }
    if matches!(state, State::Completed) {
        for id in 1..=messages {
            receiver.answer(PUBCOMP, id).await.unwrap();
        }
    }
    assert_eq!(receiver.waiting().await.unwrap(), []);
    sender.have_it_saved().await.unwrap();
    receiver
}

/// What a receiver gets unasked as it comes back: kinds and flags, and the ids, which have to be those of before.
async fn repeated(broker: &TestBroker, version: u8) -> Vec<u8> {
    let (mut client, was_there) =
        RawClient::connect(&broker.address(), version, "receiver", false).await.unwrap();
    assert!(was_there, "the session is lost");
    let packets = client.waiting().await.unwrap();
    assert!(packets.iter().map(Packet::id).eq(1..=u16::try_from(packets.len()).unwrap()), "{packets:?}");
    packets.iter().map(|packet| packet.first).collect()
}

const RELEASE: u8 = PUBREL << 4 | 2;
const PUBLISH_AGAIN: u8 = PUBLISH << 4 | AT_2_AGAIN;

#[tokio::test]
async fn a_connection_that_is_taken_up_again_goes_on_where_it_was() {
    for version in VERSIONS {
        for (state, expected) in [
            (State::Published, Some(PUBLISH_AGAIN)),
            (State::Released, Some(RELEASE)),
            (State::Completed, None),
        ] {
            let broker = persistent();
            receiver_in(state, &broker, version, MESSAGES).await.reset();
            let expected = expected.map_or(Vec::new(), |first| vec![first; MESSAGES.into()]);
            assert_eq!(repeated(&broker, version).await, expected, "version {version}, {state:?}");
        }
    }
}

#[tokio::test]
async fn a_restart_without_a_limit_in_flight_publishes_again_what_was_released() {
    for version in VERSIONS {
        for (state, expected) in [
            (State::Published, Some(PUBLISH_AGAIN)),
            (State::Released, Some(PUBLISH_AGAIN)),
            (State::Completed, None),
        ] {
            let broker = persistent();
            let receiver = receiver_in(state, &broker, version, MESSAGES).await;
            broker.stop().unwrap();
            drop(receiver);
            broker.restart().unwrap();
            let expected = expected.map_or(Vec::new(), |first| vec![first; MESSAGES.into()]);
            assert_eq!(repeated(&broker, version).await, expected, "version {version}, {state:?}");
        }
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_as_it_is_taken_up_again_has_released_messages_published_again() {
    const MANY: u16 = 1000;
    for version in VERSIONS {
        let broker = persistent();
        receiver_in(State::Released, &broker, version, MANY).await.reset();
        let mut attempts = 0;
        let published = loop {
            // Back, and away before the broker could write all that is to be released, if it goes well.
            RawClient::connect(&broker.address(), version, "receiver", false).await.unwrap().0.reset();
            let repeated = repeated(&broker, version).await;
            assert_eq!(repeated.len(), usize::from(MANY));
            attempts += 1;
            match repeated.iter().filter(|first| **first == PUBLISH_AGAIN).count() {
                0 => assert!(attempts < 100, "all are released, whatever happens"),
                published => break published,
            }
        };
        println!(
            "version {version}: {published} of {MANY} released messages published again, attempt {attempts}"
        );
    }
}

#[tokio::test]
async fn a_message_that_is_answered_with_pubcomp_at_once_breaks_the_connection() {
    let broker = persistent();
    receiver_in(State::Published, &broker, 4, 1).await.reset();
    let mut client = receiver(&broker, 4).await;
    assert_eq!(client.read(PUBLISH).await.unwrap().first, PUBLISH_AGAIN);
    client.answer(PUBCOMP, 1).await.unwrap();
    client.waiting().await.unwrap_err();
    // While who goes through all of it again is left alone.
    let mut client = receiver(&broker, 4).await;
    assert_eq!(client.read(PUBLISH).await.unwrap().first, PUBLISH_AGAIN);
    client.answer(PUBREC, 1).await.unwrap();
    client.read(PUBREL).await.unwrap();
    client.answer(PUBCOMP, 1).await.unwrap();
    assert_eq!(client.waiting().await.unwrap(), []);
}

/// Of so many messages one after the other, each of which is seen through up to the answer of that kind before the
/// broker is killed, how many a receiver with a kept session gets afterwards. None may be got twice.
async fn survivors(
    version: u8,
    up_to: u8,
    is_there: bool,
    before_the_kill: impl AsyncFn(&mut RawClient),
) -> usize {
    let broker = persistent();
    let mut survivors = 0;
    for round in 0..rounds() {
        let text = format!("{round}");
        let mut present = Some(receiver(&broker, version).await);
        if !is_there && let Some(leaving) = present.take() {
            leaving.leave().await.unwrap();
        }
        let mut sender = sender(&broker, version).await;
        // So that the broker has nothing else to save.
        sender.have_it_saved().await.unwrap();
        publish(&mut sender, 2, &text, up_to).await;
        before_the_kill(&mut sender).await;
        broker.crash().unwrap();
        drop(present);
        broker.restart().unwrap();
        let mut receiver = receiver(&broker, version).await;
        let packets = receiver.waiting().await.unwrap();
        let texts: Vec<_> = packets.iter().map(|packet| packet.text(version)).collect();
        assert!(texts.is_empty() || texts == [text], "{texts:?}");
        survivors += texts.len();
        for packet in &packets {
            match packet.qos() {
                1 => receiver.answer(PUBACK, packet.id()).await.unwrap(),
                _ => {
                    receiver.answer(PUBREC, packet.id()).await.unwrap();
                    receiver.read(PUBREL).await.unwrap();
                    receiver.answer(PUBCOMP, packet.id()).await.unwrap();
                }
            }
        }
        assert_eq!(receiver.waiting().await.unwrap(), []);
    }
    survivors
}

async fn nothing(_: &mut RawClient) {}

/// Several turns of the broker's main loop.
async fn some_turns(client: &mut RawClient) {
    for _ in 0..10 {
        assert_eq!(client.waiting().await.unwrap(), []);
    }
}

async fn a_save(client: &mut RawClient) {
    client.have_it_saved().await.unwrap();
}

#[tokio::test]
async fn a_message_on_its_way_to_a_subscriber_is_acknowledged_and_not_saved() {
    for version in VERSIONS {
        for up_to in [PUBACK, PUBCOMP] {
            let at_once = survivors(version, up_to, true, nothing).await;
            let later = survivors(version, up_to, true, some_turns).await;
            println!("version {version}, answer {up_to}: {at_once} and {later} of {} survive", rounds());
            assert_eq!((at_once, later), (0, 0), "version {version}, answer {up_to}");
        }
    }
}

#[tokio::test]
async fn a_message_that_was_acknowledged_before_a_save_survives() {
    for version in VERSIONS {
        for up_to in [PUBACK, PUBCOMP] {
            for is_there in [true, false] {
                let survivors = survivors(version, up_to, is_there, a_save).await;
                assert_eq!(
                    survivors,
                    rounds(),
                    "version {version}, answer {up_to}, receiver there: {is_there}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_message_for_an_absent_subscriber_is_saved_though_not_asked_for() {
    for version in VERSIONS {
        for up_to in [PUBACK, PUBCOMP] {
            let at_once = survivors(version, up_to, false, nothing).await;
            let later = survivors(version, up_to, false, some_turns).await;
            println!("version {version}, answer {up_to}: {at_once} and {later} of {} survive", rounds());
            assert_eq!(later, rounds(), "version {version}, answer {up_to}");
        }
    }
}

#[tokio::test]
async fn mosquitto_acknowledges_before_it_saves() {
    let broker = persistent();
    let mut lost = 0;
    for _ in 0..rounds() {
        receiver(&broker, 4).await.leave().await.unwrap();
        let mut sender = sender(&broker, 4).await;
        // So much that it takes a while to save.
        sender.publish("much", AT_1 | 1, 1, &"x".repeat(50_000_000)).await.unwrap();
        sender.read(PUBACK).await.unwrap();
        sender.have_it_saved().await.unwrap();
        publish(&mut sender, 2, "a", PUBACK).await;
        broker.crash().unwrap();
        broker.restart().unwrap();
        let mut receiver = receiver(&broker, 4).await;
        match &receiver.waiting().await.unwrap()[..] {
            [] => lost += 1,
            [packet] => receiver.answer(PUBACK, packet.id()).await.unwrap(),
            more => panic!("{more:?}"),
        }
        assert_eq!(receiver.waiting().await.unwrap(), []);
    }
    println!("{lost} of {} acknowledged messages are lost", rounds());
    assert!(lost > 0, "each was saved");
}

#[tokio::test]
async fn a_release_of_a_message_that_the_broker_has_forgotten_is_confirmed_all_the_same() {
    for version in VERSIONS {
        let broker = persistent();
        let (mut sender, _) = RawClient::connect(&broker.address(), version, "sender", false).await.unwrap();
        sender.publish("orders", AT_2, 7, "a").await.unwrap();
        sender.read(PUBREC).await.unwrap();
        broker.crash().unwrap();
        broker.restart().unwrap();
        let (mut sender, was_there) =
            RawClient::connect(&broker.address(), version, "sender", false).await.unwrap();
        assert!(was_there, "the session is lost");
        sender.answer(PUBREL, 7).await.unwrap();
        assert_eq!(sender.read(PUBCOMP).await.unwrap().body, [0, 7], "version {version}: a reason is told");
    }
}

#[tokio::test]
async fn a_crash_has_new_messages_published_under_ids_that_are_in_use() {
    for version in VERSIONS {
        let broker = persistent();
        let mut before = receiver(&broker, version).await;
        let mut old_sender = sender(&broker, version).await;
        publish(&mut old_sender, 1, "forgotten", PUBCOMP).await;
        let held = before.read(PUBLISH).await.unwrap();
        before.answer(PUBREC, held.id()).await.unwrap();
        before.read(PUBREL).await.unwrap();
        broker.crash().unwrap();
        broker.restart().unwrap();
        let mut after = receiver(&broker, version).await;
        assert_eq!(after.waiting().await.unwrap(), [], "version {version}");
        publish(&mut sender(&broker, version).await, 1, "new", PUBCOMP).await;
        let new = after.read(PUBLISH).await.unwrap();
        assert_eq!((new.id(), new.is_dup(), new.text(version)), (held.id(), false, "new".to_owned()));
    }
}

#[tokio::test]
async fn a_crash_has_a_message_delivered_anew_that_its_sender_has_to_release_again() {
    for version in VERSIONS {
        let broker = persistent();
        let mut before = receiver(&broker, version).await;
        let (mut first, _) = RawClient::connect(&broker.address(), version, "sender", false).await.unwrap();
        first.publish("orders", AT_2, 7, "once").await.unwrap();
        first.read(PUBREC).await.unwrap();
        RawClient::connect(&broker.address(), version, "", true)
            .await
            .unwrap()
            .0
            .have_it_saved()
            .await
            .unwrap();
        first.answer(PUBREL, 7).await.unwrap();
        let delivered = before.read(PUBLISH).await.unwrap();
        before.answer(PUBREC, delivered.id()).await.unwrap();
        before.read(PUBREL).await.unwrap();
        // Before anybody has read PUBCOMP.
        broker.crash().unwrap();
        broker.restart().unwrap();
        let mut after = receiver(&broker, version).await;
        assert_eq!(after.waiting().await.unwrap(), [], "version {version}");
        let (mut again, _) = RawClient::connect(&broker.address(), version, "sender", false).await.unwrap();
        again.answer(PUBREL, 7).await.unwrap();
        again.read(PUBCOMP).await.unwrap();
        let anew = after.read(PUBLISH).await.unwrap();
        assert_eq!((anew.is_dup(), anew.text(version)), (false, "once".to_owned()), "version {version}");
    }
}

/// The file of the broker's store, which is another one after each save.
fn store(broker: &TestBroker) -> u64 {
    let folder = format!("/proc/{}/cwd", broker.process_id().unwrap());
    fs::metadata(Path::new(&folder).join("mosquitto.db")).unwrap().ino()
}

#[tokio::test]
async fn mosquitto_writes_its_whole_store_at_each_pubcomp_and_at_no_pubrec() {
    const MANY: u16 = 20;
    let broker = persistent();
    let mut receiver = receiver_in(State::Published, &broker, 4, MANY).await;
    let mut saves = [0; 2];
    for (kind, saves) in [PUBREC, PUBCOMP].into_iter().zip(&mut saves) {
        for id in 1..=MANY {
            let before = store(&broker);
            receiver.answer(kind, id).await.unwrap();
            // The second of two answers comes after the turn of the first has ended.
            for _ in 0..2 {
                receiver.waiting().await.unwrap();
            }
            *saves += u16::from(store(&broker) != before);
        }
    }
    assert_eq!(saves, [0, MANY]);
}
