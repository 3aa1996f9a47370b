"""kcat, confluent-kafka, kafka-python and aiokafka over TLS: log-ins, wrong passwords, access rules, certificates."""

import asyncio
import os
import subprocess
import time

import aiokafka
import aiokafka.helpers
import kafka
import kafka.errors
from cases import Cases, check
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer
from confluent_kafka.admin import (
    AclBinding, AclBindingFilter, AclOperation, AclPermissionType, AdminClient, NewTopic, ResourcePatternType,
    ResourceType, ScramCredentialInfo, ScramMechanism, UserScramCredentialDeletion, UserScramCredentialUpsertion)

cases = Cases()
certificates = os.environ["CERTIFICATES"]
ssl_address = os.environ["SSL_ADDRESS"]
authority = f"{certificates}/ca.pem"
ADMIN, BOB = ("admin", "admin-secret"), ("bob", "bob-secret")
MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]


def rdkafka(user=ADMIN, mechanism="PLAIN", **more):
    """Settings of librdkafka's clients."""
    return {
        "bootstrap.servers": cases.address, "security.protocol": "SASL_SSL", "sasl.mechanisms": mechanism,
        "sasl.username": user[0], "sasl.password": user[1], "ssl.ca.location": authority,
        **{key.replace("_", "."): value for key, value in more.items()}}


def python(user=ADMIN, mechanism="PLAIN", **more):
    """Settings of kafka-python's clients."""
    return dict(
        bootstrap_servers=cases.address, security_protocol="SASL_SSL", sasl_mechanism=mechanism,
        sasl_plain_username=user[0], sasl_plain_password=user[1], ssl_cafile=authority, **more)


admin = AdminClient(rdkafka())


def create(topic):
    for future in admin.create_topics([NewTopic(topic, 1, 1)]).values():
        future.result(20)


def allow(operation, kind, name, principal="User:bob", pattern=ResourcePatternType.LITERAL):
    rule = AclBinding(kind, name, pattern, principal, "*", operation, AclPermissionType.ALLOW)
    for future in admin.create_acls([rule]).values():
        future.result(20)
    return rule


def send(settings, topic, values):
    """Sends by confluent-kafka; returns the errors."""
    sender, errors = Producer(settings), []
    for value in values:
        sender.produce(topic, value, callback=lambda error, message: error and errors.append(error.code()))
    sender.flush(20)
    return errors


def read(settings, topic, count, seconds=20):
    """Reads by confluent-kafka as a member of a group; ends at an error, and returns it."""
    reader = Consumer({"auto.offset.reset": "earliest", **settings})
    reader.subscribe([topic])
    values, end = [], time.monotonic() + seconds
    try:
        while len(values) < count and time.monotonic() < end:
            message = reader.poll(0.2)
            if message is None:
                continue
            if message.error():
                return message.error().code()
            values.append(message.value().decode())
        return values
    finally:
        reader.close()


def kcat(user, mechanism, *arguments, text=""):
    settings = []
    for key, value in rdkafka(user, mechanism).items():
        if key != "bootstrap.servers":
            settings += ["-X", f"{key}={value}"]
    return subprocess.run(
        ["timeout", "20", "kcat", "-b", cases.address, *settings, *arguments], input=text, capture_output=True,
        text=True)


# MARK: log-ins

def confluent_in(mechanism):
    topic = f"confluent-{mechanism}"
    create(topic)
    errors = send(rdkafka(mechanism=mechanism), topic, ["a", "b"])
    check(not errors, f"not delivered: {errors}")
    found = read(rdkafka(mechanism=mechanism, group_id=topic), topic, 2)
    check(found == ["a", "b"], f"read {found}")


def kcat_in(mechanism):
    topic = f"kcat-{mechanism}"
    create(topic)
    sent = kcat(ADMIN, mechanism, "-P", "-t", topic, text="a\nb\n")
    check(sent.returncode == 0, sent.stderr)
    found = kcat(ADMIN, mechanism, "-C", "-t", topic, "-e", "-q", "-o", "beginning")
    check(found.stdout == "a\nb\n", f"{found.stdout!r} {found.stderr}")


def kafka_python_in(mechanism):
    topic = f"kafka-python-{mechanism}"
    create(topic)
    sender = kafka.KafkaProducer(**python(mechanism=mechanism))
    for value in [b"a", b"b"]:
        sender.send(topic, value).get(20)
    sender.close()
    reader = kafka.KafkaConsumer(
        topic, group_id=topic, auto_offset_reset="earliest", consumer_timeout_ms=20_000,
        **python(mechanism=mechanism))
    found = [next(reader).value for _ in range(2)]
    reader.close()
    check(found == [b"a", b"b"], f"read {found}")


async def aio_in(mechanism):
    topic = f"aio-{mechanism}"
    create(topic)
    settings = dict(
        bootstrap_servers=cases.address, security_protocol="SASL_SSL", sasl_mechanism=mechanism,
        sasl_plain_username=ADMIN[0], sasl_plain_password=ADMIN[1],
        ssl_context=aiokafka.helpers.create_ssl_context(cafile=authority))
    sender = aiokafka.AIOKafkaProducer(**settings)
    await sender.start()
    for value in [b"a", b"b"]:
        await sender.send_and_wait(topic, value)
    await sender.stop()
    reader = aiokafka.AIOKafkaConsumer(topic, group_id=topic, auto_offset_reset="earliest", **settings)
    await reader.start()
    found = [(await asyncio.wait_for(reader.getone(), 20)).value for _ in range(2)]
    await reader.stop()
    check(found == [b"a", b"b"], f"read {found}")


def wrong_password(mechanism):
    for name in ["admin", "nobody"]:
        errors = []
        client = AdminClient(rdkafka((name, "wrong"), mechanism) | {"error_cb": errors.append})
        try:
            client.list_topics(timeout=4)
        except KafkaException:
            pass
        client.poll(0)
        codes = {error.code() for error in errors}
        check(KafkaError._AUTHENTICATION in codes, f"confluent as {name}: {errors}")
        try:
            kafka.KafkaConsumer(**python((name, "wrong"), mechanism, bootstrap_timeout_ms=4_000))
        except kafka.errors.KafkaError:
            continue
        raise AssertionError(f"kafka-python got in as {name}")
    result = kcat(("admin", "wrong"), mechanism, "-L", "-m", "4")
    check(result.returncode != 0 and "auth" in result.stderr.lower(), result.stderr)


# MARK: access rules

def denied():
    create("denied")
    check(send(rdkafka(BOB), "denied", ["a"]) == [KafkaError.TOPIC_AUTHORIZATION_FAILED], "not refused")
    found = read(rdkafka(BOB, group_id="denied"), "denied", 1)
    check(found in (KafkaError.TOPIC_AUTHORIZATION_FAILED, KafkaError.GROUP_AUTHORIZATION_FAILED), f"read {found}")
    sender = kafka.KafkaProducer(**python(BOB), max_block_ms=5_000)
    try:
        sender.send("denied", b"a").get(20)
    except (kafka.errors.TopicAuthorizationFailedError, kafka.errors.KafkaTimeoutError):
        return
    finally:
        sender.close()
    raise AssertionError("kafka-python's record was taken")


def allowed():
    create("allowed-1")
    prefixed = ResourcePatternType.PREFIXED
    allow(AclOperation.WRITE, ResourceType.TOPIC, "allowed-", pattern=prefixed)
    check(send(rdkafka(BOB), "allowed-1", ["a", "b"]) == [], "refused")
    allow(AclOperation.READ, ResourceType.TOPIC, "allowed-", pattern=prefixed)
    found = read(rdkafka(BOB, group_id="bobs"), "allowed-1", 2)
    check(found == KafkaError.GROUP_AUTHORIZATION_FAILED, f"the group was not refused: {found}")
    allow(AclOperation.READ, ResourceType.GROUP, "bobs")
    found = read(rdkafka(BOB, group_id="bobs"), "allowed-1", 2)
    check(found == ["a", "b"], f"read {found}")
    names = AdminClient(rdkafka(BOB)).list_topics(timeout=20).topics
    check(set(names) == {"allowed-1"}, f"bob knows {set(names)}")


def pattern():
    """KIP-848: a pattern means the topics that the user may describe; others come when it may."""
    for topic in ["pattern-open", "pattern-secret"]:
        create(topic)
        check(not send(rdkafka(), topic, [topic]), "not delivered")
    allow(AclOperation.READ, ResourceType.TOPIC, "pattern-open")
    allow(AclOperation.READ, ResourceType.GROUP, "pattern")
    reader = Consumer({**rdkafka(BOB, group_id="pattern"), "auto.offset.reset": "earliest", "group.protocol": "consumer"})
    reader.subscribe(["^pattern-.*"])

    def until(wanted):
        values, end = [], time.monotonic() + 30
        while not set(wanted) <= set(values) and time.monotonic() < end:
            message = reader.poll(0.2)
            if message is not None and message.error() is None:
                values.append(message.value().decode())
        check(values == wanted, f"read {values}, not {wanted}")

    until(["pattern-open"])
    check([partition.topic for partition in reader.assignment()] == ["pattern-open"], f"{reader.assignment()}")
    allow(AclOperation.READ, ResourceType.TOPIC, "pattern-secret")
    until(["pattern-secret"])
    reader.close()


def rules():
    rule = allow(AclOperation.DESCRIBE, ResourceType.TRANSACTIONAL_ID, "listed")
    every = AclBindingFilter(
        ResourceType.TRANSACTIONAL_ID, "listed", ResourcePatternType.ANY, None, None, AclOperation.ANY,
        AclPermissionType.ANY)
    check(admin.describe_acls(every).result(20) == [rule], "the rule is not described")
    bob = AdminClient(rdkafka(BOB))
    try:
        # librdkafka does not tell an error that comes without rules.
        check(bob.describe_acls(every).result(20) == [], "bob sees the rules")
    except KafkaException as error:
        check(error.args[0].code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED, f"{error}")
    try:
        list(bob.delete_acls([every]).values())[0].result(20)
    except KafkaException as error:
        check(error.args[0].code() == KafkaError.CLUSTER_AUTHORIZATION_FAILED, f"{error}")
    else:
        raise AssertionError("bob deletes rules")
    removed = list(admin.delete_acls([every]).values())[0].result(20)
    check(removed == [rule], f"removed {removed}")
    check(admin.describe_acls(every).result(20) == [], "the rule is still there")


def transactions():
    create("txn")
    allow(AclOperation.WRITE, ResourceType.TOPIC, "txn")
    sender = Producer(rdkafka(BOB, transactional_id="bobs"))
    try:
        sender.init_transactions(10)
    except KafkaException as error:
        check(error.args[0].code() == KafkaError.TRANSACTIONAL_ID_AUTHORIZATION_FAILED, f"{error}")
    else:
        raise AssertionError("a transactional id without a rule was taken")
    allow(AclOperation.WRITE, ResourceType.TRANSACTIONAL_ID, "bobs")
    sender = Producer(rdkafka(BOB, transactional_id="bobs"))
    sender.init_transactions(20)
    sender.begin_transaction()
    sender.produce("txn", "a")
    sender.commit_transaction(20)


def users():
    change = UserScramCredentialUpsertion("eve", ScramCredentialInfo(ScramMechanism.SCRAM_SHA_256, 8192), b"eve-secret")
    for future in admin.alter_user_scram_credentials([change]).values():
        future.result(20)
    check(admin.describe_user_scram_credentials(["eve"])["eve"].result(20).scram_credential_infos[0].iterations == 8192,
          "eve is not described")
    eve = ("eve", "eve-secret")
    for mechanism in ["SCRAM-SHA-256", "PLAIN"]:
        AdminClient(rdkafka(eve, mechanism)).list_topics(timeout=20)
    gone = UserScramCredentialDeletion("eve", ScramMechanism.SCRAM_SHA_256)
    for future in admin.alter_user_scram_credentials([gone]).values():
        future.result(20)
    try:
        AdminClient(rdkafka(eve)).list_topics(timeout=4)
    except KafkaException:
        return
    raise AssertionError("eve got in although she is gone")


def certificate():
    create("certified")
    allow(AclOperation.WRITE, ResourceType.TOPIC, "certified", "User:CN=orders,O=Example")
    settings = {"bootstrap.servers": ssl_address, "security.protocol": "SSL", "ssl.ca.location": authority}
    shown = {"ssl.certificate.location": f"{certificates}/client.pem", "ssl.key.location": f"{certificates}/client.key"}
    check(send({**settings, **shown}, "certified", ["a"]) == [], "refused with the certificate")
    check(send(settings, "certified", ["a"]) == [KafkaError.TOPIC_AUTHORIZATION_FAILED], "not refused without one")
    sender = kafka.KafkaProducer(
        bootstrap_servers=ssl_address, security_protocol="SSL", ssl_cafile=authority,
        ssl_certfile=shown["ssl.certificate.location"], ssl_keyfile=shown["ssl.key.location"])
    sender.send("certified", b"b").get(20)
    sender.close()


def large():
    create("large")
    values = [os.urandom(500_000) for _ in range(8)]
    check(send(rdkafka(), "large", values) == [], "not delivered")
    reader = kafka.KafkaConsumer("large", auto_offset_reset="earliest", consumer_timeout_ms=20_000, **python())
    found = [next(reader).value for _ in values]
    reader.close()
    check(found == values, "not what was written")


def restarted():
    check(send(rdkafka(BOB, "SCRAM-SHA-512"), "allowed-1", ["c"]) == [], "bob's rule is gone")
    check(send(rdkafka(BOB), "denied", ["a"]) == [KafkaError.TOPIC_AUTHORIZATION_FAILED], "not refused any more")


if cases.phase == "first":
    for mechanism in MECHANISMS:
        cases.run(f"confluent-kafka, {mechanism}", lambda: confluent_in(mechanism))
        cases.run(f"kcat, {mechanism}", lambda: kcat_in(mechanism))
        cases.run(f"kafka-python, {mechanism}", lambda: kafka_python_in(mechanism))
        cases.run(f"aiokafka, {mechanism}", lambda: asyncio.run(asyncio.wait_for(aio_in(mechanism), 60)))
        cases.run(f"a wrong password, {mechanism}", lambda: wrong_password(mechanism))
    cases.run("large records", large)
    cases.run("a topic and a group that are denied", denied)
    cases.run("a topic and a group that are allowed", allowed)
    cases.run("a pattern of topics", pattern)
    cases.run("rules are described and deleted", rules)
    cases.run("a transactional id", transactions)
    cases.run("users are added and removed", users)
    cases.run("a client's certificate", certificate)
else:
    cases.run("users and rules after a restart", restarted)
cases.end()
