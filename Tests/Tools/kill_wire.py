#!/usr/bin/env python3
"""Kills `moldau broker` at random moments under real clients, restarts it, and checks every record at the end.

    kill_wire.py [--program PATH] [--kills N] [--seed N] [--producers N] [--copiers N]

kafka-python producers with acks=all and idempotence write to a topic. Each acknowledged record must be there once, at the
offset that was acknowledged; no record may be there twice; those of a producer must be in its order in each partition.
Meanwhile confluent-kafka members of a group copy one topic to another in transactions, the offsets included. The committed
copy must equal the original, partition by partition: each record once, in order.
"""

import argparse
import collections
import logging
import os
import pathlib
import random
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_process import BrokerProcess, built, python_with_clients  # noqa: E402

try:
    import confluent_kafka
    import kafka
    from confluent_kafka.admin import AdminClient, NewTopic
except ImportError:
    PYTHON = python_with_clients()
    os.execv(PYTHON, [str(PYTHON), *sys.argv])

PARTITIONS = 3
PATIENCE = 120


class Producer(threading.Thread):
    """A kafka-python producer; knows where each of its records was acknowledged."""

    def __init__(self, number, address, stop):
        super().__init__()
        self.number, self.address, self.stop = number, address, stop
        self.acknowledged, self.refused, self.sent = {}, collections.Counter(), 0

    def run(self):
        sender = kafka.KafkaProducer(
            bootstrap_servers=self.address, acks="all", enable_idempotence=True, linger_ms=2,
            delivery_timeout_ms=PATIENCE * 1000, max_block_ms=PATIENCE * 1000)
        while not self.stop.is_set():
            for _ in range(20):
                partition, number = self.sent % PARTITIONS, self.sent
                future = sender.send("written", f"{self.number}:{number}".encode(), partition=partition)
                future.add_callback(self.note, number)
                future.add_errback(lambda error: self.refused.update([repr(error)]))
                self.sent += 1
            time.sleep(0.01)
        sender.flush(PATIENCE)
        sender.close(PATIENCE)

    def note(self, number, metadata):
        self.acknowledged[number] = (metadata.partition, metadata.offset)


class Original(threading.Thread):
    """Writes the topic that is copied."""

    def __init__(self, address, stop):
        super().__init__()
        self.address, self.stop, self.acknowledged = address, stop, 0

    def run(self):
        sender = confluent_kafka.Producer(
            {"bootstrap.servers": self.address, "log_level": 0, "enable.idempotence": True, "linger.ms": 2,
             "message.timeout.ms": PATIENCE * 1000})
        count = 0
        while not self.stop.is_set():
            for _ in range(20):
                sender.produce("original", f"{count}".encode(), partition=count % PARTITIONS, callback=self.note)
                count += 1
            sender.poll(0.01)
            time.sleep(0.01)
        sender.flush(PATIENCE)

    def note(self, error, _):
        self.acknowledged += error is None


class Copier(threading.Thread):
    """A member of the group that copies. After an error it begins anew, as a program would that was restarted."""

    def __init__(self, number, address, stop):
        super().__init__()
        self.number, self.address, self.stop = number, address, stop
        self.committed, self.restarts = 0, collections.Counter()

    def run(self):
        while not self.stop.is_set():
            try:
                self.copy()
            except confluent_kafka.KafkaException as error:
                self.restarts[error.args[0].name()] += 1
                time.sleep(0.1)

    def copy(self):
        sender = confluent_kafka.Producer(
            {"bootstrap.servers": self.address, "log_level": 0, "transactional.id": f"copier-{self.number}", "linger.ms": 2,
             "transaction.timeout.ms": 20000})
        sender.init_transactions(PATIENCE)
        reader = confluent_kafka.Consumer(
            {"bootstrap.servers": self.address, "log_level": 0, "group.id": "copiers", "enable.auto.commit": False,
             "auto.offset.reset": "earliest", "isolation.level": "read_committed", "session.timeout.ms": 6000})
        try:
            reader.subscribe(["original"])
            while not self.stop.is_set():
                messages = [one for one in reader.consume(500, 0.2) if one.error() is None]
                if messages:
                    self.transact(sender, reader, messages)
        finally:
            reader.close()

    def transact(self, sender, reader, messages):
        sender.begin_transaction()
        try:
            ends = {}
            for message in messages:
                sender.produce("copy", message.value(), partition=message.partition())
                ends[message.partition()] = message.offset() + 1
            positions = [confluent_kafka.TopicPartition("original", *end) for end in ends.items()]
            sender.send_offsets_to_transaction(positions, reader.consumer_group_metadata(), PATIENCE)
            self.commit(sender)
            self.committed += len(messages)
        except confluent_kafka.KafkaException as error:
            if error.args[0].txn_requires_abort():
                sender.abort_transaction(PATIENCE)
            raise

    def commit(self, sender):
        while True:
            try:
                return sender.commit_transaction(PATIENCE)
            except confluent_kafka.KafkaException as error:
                if not error.args[0].retriable():
                    raise


def read(address, topic):
    """The committed records of each partition: offsets and values."""
    reader = confluent_kafka.Consumer(
        {"bootstrap.servers": address, "log_level": 0, "group.id": "check", "isolation.level": "read_committed",
         "enable.partition.eof": True})
    found = {}
    for partition in range(PARTITIONS):
        found[partition] = []
        reader.assign([confluent_kafka.TopicPartition(topic, partition, 0)])
        while True:
            message = reader.poll(PATIENCE)
            if message is None:
                raise SystemExit(f"{topic}-{partition} cannot be read")
            if message.error() is None:
                found[partition].append((message.offset(), message.value().decode()))
            elif message.error().code() == confluent_kafka.KafkaError._PARTITION_EOF:
                break
    reader.close()
    return found


def check_written(found, producers):
    """Returns what is wrong."""
    wrong = []
    places = {}
    for partition, records in found.items():
        last = {}
        for offset, value in records:
            producer, number = map(int, value.split(":"))
            if (producer, number) in places:
                wrong.append(f"record {value} is at {places[producer, number]} and at {(partition, offset)}")
            places[producer, number] = (partition, offset)
            if number <= last.get(producer, -1):
                wrong.append(f"record {value} comes after {last[producer]} in partition {partition}")
            last[producer] = number
    for producer in producers:
        for number, place in producer.acknowledged.items():
            if places.get((producer.number, number)) != place:
                wrong.append(
                    f"record {producer.number}:{number} was acknowledged at {place},"
                    f" and is at {places.get((producer.number, number))}")
    return wrong


def check_copied(original, copy):
    wrong = []
    for partition in original:
        wanted, got = ([value for _, value in topic[partition]] for topic in (original, copy))
        if wanted == got:
            continue
        counts = collections.Counter(got)
        lost = [value for value in wanted if counts[value] == 0]
        double = [value for value, count in counts.items() if count > 1]
        wrong.append(
            f"partition {partition}: of {len(wanted)} records {len(lost)} are missing ({lost[:5]}), and {len(double)} are"
            f" there more than once ({double[:5]})")
    return wrong


def main():
    logging.getLogger("kafka").setLevel(logging.CRITICAL)
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--program", type=pathlib.Path)
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options.add_argument("--producers", type=int, default=2)
    options.add_argument("--copiers", type=int, default=2)
    options.add_argument("--shortest", type=float, default=0.1, help="seconds that the broker lives at least")
    options.add_argument("--longest", type=float, default=2.0, help="… and at most")
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    with (
        tempfile.TemporaryDirectory(prefix="kill-wire-") as data,
        BrokerProcess(options.program or built("moldau"), data) as broker,
    ):
        admin = AdminClient({"bootstrap.servers": broker.address})
        for created in admin.create_topics(
            [NewTopic(name, PARTITIONS, 1) for name in ("written", "original", "copy")]
        ).values():
            created.result()
        ends, copied = threading.Event(), threading.Event()
        producers = [Producer(number, broker.address, ends) for number in range(options.producers)]
        original = Original(broker.address, ends)
        copiers = [Copier(number, broker.address, copied) for number in range(options.copiers)]
        for thread in [*producers, original, *copiers]:
            thread.start()
        time.sleep(2)
        for _ in range(options.kills):
            time.sleep(rng.uniform(options.shortest, options.longest))
            broker.kill()
            broker.start()
        ends.set()
        for thread in [*producers, original]:
            thread.join()
        end = time.monotonic() + PATIENCE
        while sum(len(one) for one in read(broker.address, "copy").values()) < original.acknowledged:
            if time.monotonic() > end:
                break
            time.sleep(1)
        copied.set()
        for thread in copiers:
            thread.join()
        wrong = report(options, broker, producers, original, copiers)
        broker.stop()
    if wrong:
        raise SystemExit("\n".join(["wrong:", *wrong[:20]]))
    print("every acknowledged record is there once and in order; the committed copy equals the original")


def report(options, broker, producers, original, copiers):
    written, first, copy = (read(broker.address, topic) for topic in ("written", "original", "copy"))
    wrong = check_written(written, producers) + check_copied(first, copy)
    acknowledged = sum(len(producer.acknowledged) for producer in producers)
    refused = sum((producer.refused for producer in producers), collections.Counter())
    restarts = sum((copier.restarts for copier in copiers), collections.Counter())
    print(
        f"{options.kills} kills; {sum(producer.sent for producer in producers)} records sent, {acknowledged} acknowledged,"
        f" {sum(map(len, written.values()))} there; refused: {dict(refused) or 'none'}")
    print(
        f"{sum(map(len, first.values()))} records to copy, {sum(map(len, copy.values()))} committed in the copy; copiers"
        f" began anew: {dict(restarts) or 'never'}")
    if acknowledged == 0 or original.acknowledged == 0:
        wrong.append("nothing was acknowledged: there is nothing to check")
    return wrong


if __name__ == "__main__":
    main()
