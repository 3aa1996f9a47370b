"""confluent-kafka on a current librdkafka: admin calls, producing, groups under each assignor, transactions, errors."""

import time

from cases import Cases, check
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient, ConfigResource, NewPartitions, NewTopic

cases = Cases()
admin = AdminClient({"bootstrap.servers": cases.address})


def create(topic, partitions=1, config=None):
    for future in admin.create_topics([NewTopic(topic, partitions, 1, config=config or {})]).values():
        future.result(20)


def producer(**settings):
    return Producer({"bootstrap.servers": cases.address, **{key.replace("_", "."): value for key, value in settings.items()}})


def consumer(group, **settings):
    settings = {key.replace("_", "."): value for key, value in settings.items()}
    return Consumer({"bootstrap.servers": cases.address, "group.id": group, "auto.offset.reset": "earliest", **settings})


def send(topic, values, sender=None, **arguments):
    sender = sender or producer()
    errors = []
    for value in values:
        sender.produce(topic, value, callback=lambda error, message: error and errors.append(error), **arguments)
    sender.flush(20)
    check(not errors, f"not delivered: {errors}")


def read(reader, count, seconds=20):
    values, end = [], time.monotonic() + seconds
    while len(values) < count and time.monotonic() < end:
        message = reader.poll(0.2)
        if message is not None:
            check(message.error() is None, f"{message.error()}")
            values.append(message.value().decode())
    return values


def produce(codec, acks):
    topic = f"confluent-{codec}-{acks}"
    create(topic)
    values = [f"value {number}" for number in range(200)]
    send(topic, values, producer(compression_type=codec, acks=acks), key="k", headers={"h": "1"})
    reader = consumer(topic)
    reader.subscribe([topic])
    check(read(reader, 200) == values, "not what was written")
    reader.close()


def idempotent():
    create("confluent-idempotent")
    send("confluent-idempotent", ["a", "b"], producer(enable_idempotence=True))


def administration():
    create("confluent-admin", 2, {"retention.ms": "1000000"})
    resource = ConfigResource(ConfigResource.Type.TOPIC, "confluent-admin")
    settings = list(admin.describe_configs([resource]).values())[0].result(20)
    check(settings["retention.ms"].value == "1000000", "the setting is not told")
    for future in admin.create_partitions([NewPartitions("confluent-admin", 4)]).values():
        future.result(20)
    topics = admin.list_topics(timeout=20).topics
    check(len(topics["confluent-admin"].partitions) == 4, "partitions were not added")
    for future in admin.delete_topics(["confluent-admin"]).values():
        future.result(20)
    check("confluent-admin" not in admin.list_topics(timeout=20).topics, "the topic is still there")


def two_members(assignor):
    topic = f"confluent-{assignor}"
    create(topic, 4)
    settings = {"partition.assignment.strategy": assignor, "session.timeout.ms": 6000}
    first = consumer(topic, **settings)
    first.subscribe([topic])
    second = consumer(topic, **settings)
    end = time.monotonic() + 30
    while len(first.assignment()) != 4 and time.monotonic() < end:
        first.poll(0.1)
    check(len(first.assignment()) == 4, "the first member does not have all partitions")
    second.subscribe([topic])
    while time.monotonic() < end and not len(first.assignment()) == len(second.assignment()) == 2:
        first.poll(0.1)
        second.poll(0.1)
    check(len(first.assignment()) == len(second.assignment()) == 2, "the members do not share the partitions")
    second.close()
    while time.monotonic() < end and len(first.assignment()) != 4:
        first.poll(0.1)
    check(len(first.assignment()) == 4, "the partitions of the member that left are nobody's")
    first.close()


def consumer_protocol():
    """KIP-848: the broker assigns. Two members share, one leaves; then one that wants topics by a pattern."""
    topic = "confluent-848"
    create(topic, 4)
    send(topic, ["a"])
    settings = {"group.protocol": "consumer"}
    first, second = consumer(topic, **settings), consumer(topic, **settings)

    def until(condition, text, *readers, seconds=40):
        values, end = [], time.monotonic() + seconds
        while not condition(values) and time.monotonic() < end:
            for reader in readers:
                message = reader.poll(0.1)
                if message is not None and message.error() is None:
                    values.append(message.value().decode())
        check(condition(values), text)

    first.subscribe([topic])
    until(lambda values: values == ["a"] and len(first.assignment()) == 4, "the first member does not have all", first)
    first.commit(asynchronous=False)
    second.subscribe([topic])
    until(lambda _: len(first.assignment()) == len(second.assignment()) == 2, "they do not share", first, second)
    group = admin.describe_consumer_groups([topic])[topic].result(20)
    check(len(group.members) == 2, f"the group is said to have {len(group.members)} members")
    second.close()
    until(lambda _: len(first.assignment()) == 4, "the partitions of the member that left are nobody's", first)
    first.close()
    again = consumer(topic, **settings)
    again.subscribe([topic])
    until(lambda _: len(again.assignment()) == 4, "the member that came back has no partitions", again)
    send(topic, ["b"])
    until(lambda values: values == ["b"], "it does not go on where the group was", again)
    again.close()
    matcher = consumer("confluent-848-pattern", **settings)
    matcher.subscribe(["^confluent-84[0-9]$"])
    until(lambda values: sorted(values) == ["a", "b"], "the pattern does not match the topic", matcher)
    create("confluent-849")
    send("confluent-849", ["c"])
    until(lambda values: values == ["c"], "a topic that came later is not read", matcher)
    matcher.close()


def static_member():
    create("confluent-static", 2)
    for _ in range(2):
        reader = consumer("confluent-static", group_instance_id="one", session_timeout_ms=6000)
        reader.subscribe(["confluent-static"])
        end = time.monotonic() + 20
        while len(reader.assignment()) != 2 and time.monotonic() < end:
            reader.poll(0.1)
        check(len(reader.assignment()) == 2, "the static member has no partitions")
        reader.close()


def transactions():
    create("confluent-txn")
    sender = producer(transactional_id="confluent-txn")
    sender.init_transactions(20)
    for value, ends in [("kept", sender.commit_transaction), ("dropped", sender.abort_transaction),
                        ("kept too", sender.commit_transaction)]:
        sender.begin_transaction()
        sender.produce("confluent-txn", value)
        ends(20)
    reader = consumer("confluent-txn", isolation_level="read_committed")
    reader.subscribe(["confluent-txn"])
    values = read(reader, 2)
    check(values == ["kept", "kept too"], f"read {values}")
    sender.begin_transaction()
    sender.send_offsets_to_transaction(
        reader.position(reader.assignment()), reader.consumer_group_metadata(), 20)
    sender.commit_transaction(20)
    check(reader.committed([TopicPartition("confluent-txn", 0)], 20)[0].offset > 0, "the position was not committed")
    reader.close()


def fencing():
    create("confluent-fence")
    old, new = producer(transactional_id="confluent-fence"), producer(transactional_id="confluent-fence")
    old.init_transactions(20)
    old.begin_transaction()
    old.produce("confluent-fence", "a")
    old.flush(20)
    new.init_transactions(20)
    try:
        old.commit_transaction(20)
    except KafkaException as error:
        check(error.args[0].code() in (KafkaError._FENCED, KafkaError.PRODUCER_FENCED), f"{error}")
        return
    raise AssertionError("the old producer was not fenced")


def unknown_topic():
    try:
        list(admin.delete_topics(["confluent-none"]).values())[0].result(20)
    except KafkaException as error:
        return check(error.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART, f"{error}")
    raise AssertionError("a topic that does not exist was deleted")


def restarted():
    reader = consumer("confluent-after-restart")
    reader.subscribe(["confluent-none-all"])
    check(len(read(reader, 200)) == 200, "records are missing after the restart")
    reader.close()


if cases.phase == "first":
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        for acks in ["0", "1", "all"]:
            cases.run(f"produce and consume, {codec}, acks={acks}", lambda: produce(codec, acks))
    cases.run("idempotent", idempotent)
    cases.run("administration", administration)
    for assignor in ["range", "roundrobin", "cooperative-sticky"]:
        cases.run(f"two members, {assignor}", lambda: two_members(assignor))
    cases.run("the consumer protocol", consumer_protocol)
    cases.run("a static member", static_member)
    cases.run("transactions", transactions)
    cases.run("fencing", fencing)
    cases.run("a topic that does not exist", unknown_topic)
else:
    cases.run("records after a restart", restarted)
cases.end()
