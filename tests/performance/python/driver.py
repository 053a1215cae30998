"""A measured process of the toolkit's queue for Python. It takes the same tasks and says the same lines as the contenders
in Rust do; src/job.rs has what they mean.
"""

import json
import os
import random
import resource
import sys
import threading
import time

import paho.mqtt.client as mqtt
from pip_services3_commons.config import ConfigParams
from pip_services3_commons.refer import Descriptor, References
from pip_services3_messaging.queues import IMessageReceiver, MessageEnvelope
from pip_services3_mqtt.connect.MqttConnection import MqttConnection
from pip_services3_mqtt.queues.MqttMessageQueue import MqttMessageQueue

INTERVAL = 0.001
# How often its receive looks whether there is a message.
POLL = 0.1
WARM_UP = 10
PATIENCE = 60


def say(line):
    print(line, flush=True)


def wait_for_go():
    if sys.stdin.readline().strip() != "go":
        sys.exit("nobody leads any more")


class Acknowledged:
    """Counts what the broker or the socket has taken."""

    def __init__(self):
        self.count = 0
        self.changed = threading.Condition()

    def add(self, *_):
        with self.changed:
            self.count += 1
            self.changed.notify()

    def reach(self, count):
        with self.changed:
            if not self.changed.wait_for(lambda: self.count >= count, PATIENCE):
                sys.exit("messages are not acknowledged")


class Handler(IMessageReceiver):
    """Calls a function with each message."""

    def __init__(self, handle):
        self.handle = handle

    def receive_message(self, message, queue):
        self.handle(message)


class Connection:
    """A shared connection, as its queues need one."""

    def __init__(self, link, role):
        # The queue's connection connects to port 1883, whatever its parameters say.
        connect = mqtt.Client.connect

        def to_port(client, host, port=None, **options):
            return connect(client, host, link["port"], **options)

        mqtt.Client.connect = to_port
        self.link = link
        self.component = MqttConnection()
        self.component.configure(ConfigParams.from_tuples(
            "client_id", link["topic"] + "-" + role,
            "connection.protocol", "mqtt", "connection.host", "127.0.0.1", "connection.port", link["port"]))
        self.component.open(None)
        mqtt.Client.connect = connect
        self.client = self.component.get_connection()
        self.published = Acknowledged()
        self.subscribed = Acknowledged()
        self.client.on_publish = self.published.add
        self.client.on_subscribe = self.subscribed.add
        self.references = References.from_tuples(
            Descriptor("pip-services", "connection", "mqtt", "default", "1.0"), self.component)

    def queues(self):
        return [self.queue(f"{self.link['topic']}/{number}") for number in range(self.link["queues"])]

    def queue(self, topic):
        # It sends to its name and receives from its topic.
        queue = MqttMessageQueue(topic)
        queue.configure(ConfigParams.from_tuples(
            "topic", topic, "options.qos", self.link["qos"], "options.serialize_envelope", self.link["envelope"],
            "dependencies.connection", "*:connection:mqtt:*:1.0"))
        queue.set_references(self.references)
        queue.open(None)
        return queue


class Sender:
    def __init__(self, link):
        self.connection = Connection(link, "sender")
        self.queues = self.connection.queues()
        self.payload = "x" * link["payload"]

    def send(self, messages):
        """A send returns when its client has taken the message, so all are waited for at the end."""
        expected = self.connection.published.count + messages
        for number in range(messages):
            self.queues[number % len(self.queues)].send(None, MessageEnvelope(None, "order", self.payload))
        self.connection.published.reach(expected)

    def fence(self):
        expected = self.connection.published.count + 1
        self.connection.client.publish(self.connection.link["topic"] + "-fence", self.payload, qos=1)
        self.connection.published.reach(expected)


def listen(link, handle):
    """Returns when all is subscribed to."""
    connection = Connection(link, "receiver")
    queues = connection.queues()
    for queue in queues:
        queue.listen(None, Handler(handle))
    connection.subscribed.reach(len(queues))
    return connection, queues


def counter(link, messages):
    """Counts messages, and an event that is set when all are there."""
    complete = threading.Event()
    counted = 0

    def handle(message):
        nonlocal counted
        assert len(message.message) == link["payload"], "a payload has another size"
        counted += 1
        if counted == messages:
            complete.set()

    return complete, handle


def wait(complete):
    if not complete.wait(PATIENCE):
        sys.exit("messages are lost")


def cpu():
    return time.process_time()


def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def memory():
    with open("/proc/self/statm") as statm:
        return int(statm.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1024 / 1024


def do_send(link, job):
    sender = Sender(link)
    sender.send(job["warm_up"])
    sender.fence()
    say("ready")
    wait_for_go()
    start, used = time.perf_counter(), cpu()
    sender.send(job["messages"])
    sender.fence()
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "cpu": cpu() - used, "peak": peak()}


def do_receive(link, job):
    complete, handle = counter(link, job["messages"])
    kept = listen(link, handle)
    used = cpu()
    say("ready")
    wait(complete)
    say("got")
    used = cpu() - used
    time.sleep(0.1)
    del kept
    return {"cpu": used, "peak": peak(), "memory": memory()}


def do_latency(link, job):
    sender = Sender(link)
    times = []
    arrived = threading.Semaphore(0)
    sent = 0.0

    def note(_):
        times.append(time.perf_counter() - sent)
        arrived.release()

    if job["how"] == "listen":
        kept = listen(link, note)
    else:
        kept = Connection(link, "receiver")
        [queue] = kept.queues()

        def receive():
            while True:
                message = queue.receive(None, PATIENCE * 1000)
                # It subscribes again with each receive, and then has each message as often.
                queue.clear(None)
                if message is not None:
                    note(message)

        threading.Thread(target=receive, daemon=True).start()
        kept.subscribed.reach(1)
    warm_up = WARM_UP if job["how"] == "listen" else 1
    for _ in range(warm_up + job["messages"]):
        # To a receive at any time between two looks, not just after one.
        pause = sent + INTERVAL - time.perf_counter() if job["how"] == "listen" else random.uniform(0, POLL)
        time.sleep(max(0, pause))
        sent = time.perf_counter()
        sender.send(1)
        if not arrived.acquire(timeout=PATIENCE):
            sys.exit("a message is lost")
    del kept
    times = sorted(times[warm_up:])

    def percentile(share):
        return times[round((len(times) - 1) * share)] * 1e6

    return {"p50": percentile(0.5), "p99": percentile(0.99), "p99.9": percentile(0.999)}


def do_start(link, _):
    complete, handle = counter(link, 1)
    kept = listen(link, handle)
    sender = Sender(link)
    sender.send(1)
    wait(complete)
    say("got")
    del kept
    return {}


JOBS = {"send": do_send, "receive": do_receive, "latency": do_latency, "start": do_start}


def main():
    task = json.loads(sys.argv[1])
    told = JOBS[task["job"]["do"]](task["link"], task["job"])
    say("done " + json.dumps(told))
    # The threads of its client would hold the process up.
    os._exit(0)


main()
