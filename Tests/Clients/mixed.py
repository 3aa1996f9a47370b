"""Groups in which `moldau perf consume`, a consumer of MoldauClient, and consumers of other clients share a topic."""

import os
import subprocess
import threading
import time

import kafka
from cases import Cases, check
from confluent_kafka import Consumer, ConsumerGroupTopicPartitions, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec
from kafka.coordinator.assignors.range import RangePartitionAssignor
from kafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from kafka.coordinator.assignors.sticky.sticky_assignor import StickyPartitionAssignor

PARTITIONS = 6
SESSION_MS = 6000
cases = Cases()
admin = AdminClient({"bootstrap.servers": cases.address})


class Own:
    """It stops without leaving: the group finds out."""

    name = "own"

    def __init__(self, topic, assignor):
        settings = {
            "client.id": self.name, "partition.assignment.strategy": assignor, "session.timeout.ms": SESSION_MS,
            "heartbeat.interval.ms": 200, "auto.commit.interval.ms": 200}
        self.process = subprocess.Popen(
            [os.environ["MOLDAU"], "perf", "consume", "--bootstrap-server", cases.address, "--topic", topic,
             "--group", topic, "--num-records", "1000000", "--timeout", "600000", "--hide-header",
             *[part for name, value in settings.items() for part in ("--command-property", f"{name}={value}")]])

    def close(self):
        self.process.kill()
        self.process.wait()


class Foreign:
    """Polls in a thread of its own."""

    name = "foreign"

    def __init__(self, topic, assignor):
        self.values, self.is_open = [], True
        self.reader = self.make(topic, assignor)
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while self.is_open:
            self.values += self.poll()
        self.reader.close()

    def close(self):
        self.is_open = False
        self.thread.join()


class Confluent(Foreign):
    def make(self, topic, assignor):
        reader = Consumer({
            "bootstrap.servers": cases.address, "group.id": topic, "client.id": self.name,
            "auto.offset.reset": "earliest", "partition.assignment.strategy": assignor,
            "session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": 200, "auto.commit.interval.ms": 200})
        reader.subscribe([topic])
        return reader

    def poll(self):
        message = self.reader.poll(0.1)
        return [] if message is None or message.error() else [message.value()]


class KafkaPython(Foreign):
    ASSIGNORS = {
        "range": RangePartitionAssignor, "roundrobin": RoundRobinPartitionAssignor, "sticky": StickyPartitionAssignor}

    def make(self, topic, assignor):
        return kafka.KafkaConsumer(
            topic, bootstrap_servers=cases.address, group_id=topic, client_id=self.name, auto_offset_reset="earliest",
            partition_assignment_strategy=[self.ASSIGNORS[assignor]], session_timeout_ms=SESSION_MS,
            heartbeat_interval_ms=200, auto_commit_interval_ms=200)

    def poll(self):
        return [record.value for batch in self.reader.poll(100).values() for record in batch]


def until(condition, text, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        check(time.monotonic() < end, text() if callable(text) else text)
        time.sleep(0.1)


def assignment(group):
    """The partitions of each member, by the member's name."""
    members = admin.describe_consumer_groups([group])[group].result(20).members
    return {member.client_id: {place.partition for place in member.assignment.topic_partitions} for member in members}


def lag(topic):
    places = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    ends = admin.list_offsets({place: OffsetSpec.latest() for place in places})
    answer = admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(topic, places)])[topic].result(20)
    committed = {place.partition: max(place.offset, 0) for place in answer.topic_partitions}
    return sum(end.result(20).offset - committed[place.partition] for place, end in ends.items())


def send(topic, values):
    """Sends the values to the partitions in turn."""
    sender = Producer({"bootstrap.servers": cases.address})
    for number, value in enumerate(values):
        sender.produce(topic, value, partition=number % PARTITIONS)
    check(sender.flush(20) == 0, "not delivered")


def shared(foreign, assignor, kinds):
    """The member that comes first leads the group; it stays when the second one goes."""
    topic = f"mixed-{foreign.__name__}-{assignor}-{kinds[0].name}-first"
    for future in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        future.result(20)
    everything = set(range(PARTITIONS))
    members = [kinds[0](topic, assignor)]
    try:
        names = [kind.name for kind in kinds]
        until(lambda: assignment(topic) == {names[0]: everything}, "the first member does not have all")
        members.append(kinds[1](topic, assignor))

        def share():
            found = assignment(topic)
            sizes = [len(found.get(name, ())) for name in names]
            return sizes == [PARTITIONS // 2] * 2 and set().union(*found.values()) == everything

        until(share, lambda: f"they do not share: {assignment(topic)}")
        theirs = assignment(topic)["foreign"]
        send(topic, [f"{number}" for number in range(300)])
        until(lambda: lag(topic) == 0, lambda: f"{lag(topic)} records are not read and committed")
        other = next(member for member in members if isinstance(member, Foreign))
        wanted = sorted(f"{number}".encode() for number in range(300) if number % PARTITIONS in theirs)
        check(sorted(other.values) == wanted, f"it read {len(other.values)} records of its partitions, not {len(wanted)}")
        members.pop().close()
        until(lambda: assignment(topic) == {names[0]: everything}, lambda: f"they are nobody's: {assignment(topic)}")
        send(topic, [f"{number}" for number in range(300)])
        until(lambda: lag(topic) == 0, lambda: f"{lag(topic)} records are not read and committed")
    finally:
        for member in members:
            member.close()


if cases.phase == "first":
    for foreign, assignors in [
            (Confluent, ["range", "roundrobin", "cooperative-sticky"]),
            (KafkaPython, ["range", "roundrobin", "sticky"])]:
        for assignor in assignors:
            for kinds in [(Own, foreign), (foreign, Own)]:
                cases.run(
                    f"{foreign.__name__}, {assignor}, {kinds[0].name} first",
                    lambda: shared(foreign, assignor, kinds))
cases.end()
