"""kafka-python: producing under every codec and acks, groups, transactions, admin calls."""

import kafka
from cases import Cases, check
from kafka.admin import KafkaAdminClient, NewTopic

cases = Cases()


def create(topic, partitions=1):
    admin = KafkaAdminClient(bootstrap_servers=cases.address)
    admin.create_topics([NewTopic(topic, partitions, 1)])
    admin.close()


def consumer(topic, group, **settings):
    return kafka.KafkaConsumer(
        topic, bootstrap_servers=cases.address, group_id=group, auto_offset_reset="earliest",
        consumer_timeout_ms=15000, **settings)


def read(reader, count):
    values = []
    for message in reader:
        values.append(message.value)
        if len(values) == count:
            break
    return values


def produce(codec, acks):
    topic = f"kp-{codec}-{acks}"
    create(topic)
    sender = kafka.KafkaProducer(
        bootstrap_servers=cases.address, compression_type=codec, acks=acks, enable_idempotence=False)
    values = [f"value {number}".encode() for number in range(200)]
    futures = [sender.send(topic, value, key=b"k", headers=[("h", b"1")]) for value in values]
    sender.flush(20)
    if acks != 0:
        offsets = [future.get(20).offset for future in futures]
        check(offsets == list(range(200)), "the offsets are not those of the order")
    sender.close()
    reader = consumer(topic, topic)
    check(read(reader, 200) == values, "not what was written")
    reader.commit()
    reader.close()


def idempotent():
    create("kp-idempotent")
    sender = kafka.KafkaProducer(bootstrap_servers=cases.address, enable_idempotence=True)
    check(sender.send("kp-idempotent", b"a").get(20).offset == 0, "not the first offset")
    sender.close()


def transactions():
    create("kp-txn")
    sender = kafka.KafkaProducer(bootstrap_servers=cases.address, transactional_id="kp-txn")
    sender.init_transactions()
    for value, ends in [(b"kept", sender.commit_transaction), (b"dropped", sender.abort_transaction),
                        (b"kept too", sender.commit_transaction)]:
        sender.begin_transaction()
        sender.send("kp-txn", value)
        ends()
    sender.close()
    reader = consumer("kp-txn", "kp-txn", isolation_level="read_committed")
    values = read(reader, 2)
    check(values == [b"kept", b"kept too"], f"read {values}")
    reader.close()


def too_large():
    create("kp-large")
    sender = kafka.KafkaProducer(bootstrap_servers=cases.address, max_request_size=10_000_000)
    try:
        sender.send("kp-large", b"x" * 2_000_000).get(20)
    except kafka.errors.MessageSizeTooLargeError:
        return
    finally:
        sender.close()
    raise AssertionError("the record was taken")


def restarted():
    reader = consumer("kp-None-all", "kp-after-restart")
    check(len(read(reader, 200)) == 200, "records are missing after the restart")
    reader.close()


if cases.phase == "first":
    for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
        for acks in [0, 1, "all"]:
            cases.run(f"produce and consume, {codec}, acks={acks}", lambda: produce(codec, acks))
    cases.run("idempotent", idempotent)
    cases.run("transactions", transactions)
    cases.run("a record that is too large", too_large)
else:
    cases.run("records after a restart", restarted)
cases.end()
