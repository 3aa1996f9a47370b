"""aiokafka: producing under every codec and acks, a group, transactions."""

import asyncio

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from cases import Cases, check

cases = Cases()


async def create(topic, partitions=1):
    admin = AIOKafkaAdminClient(bootstrap_servers=cases.address)
    await admin.start()
    await admin.create_topics([NewTopic(topic, partitions, 1)])
    await admin.close()


async def read(topic, group, count, **settings):
    reader = aiokafka.AIOKafkaConsumer(
        topic, bootstrap_servers=cases.address, group_id=group, auto_offset_reset="earliest", **settings)
    await reader.start()
    try:
        values = [(await asyncio.wait_for(reader.getone(), 20)).value for _ in range(count)]
        await reader.commit()
        return values
    finally:
        await reader.stop()


async def produce(codec, acks):
    topic = f"aio-{codec}-{acks}"
    await create(topic)
    sender = aiokafka.AIOKafkaProducer(bootstrap_servers=cases.address, compression_type=codec, acks=acks)
    await sender.start()
    values = [f"value {number}".encode() for number in range(200)]
    for value in values:
        await sender.send(topic, value, key=b"k", headers=[("h", b"1")])
    await sender.stop()
    check(await read(topic, topic, 200) == values, "not what was written")


async def transactions():
    await create("aio-txn")
    sender = aiokafka.AIOKafkaProducer(bootstrap_servers=cases.address, transactional_id="aio-txn")
    await sender.start()
    async with sender.transaction():
        await sender.send_and_wait("aio-txn", b"kept")
    try:
        async with sender.transaction():
            await sender.send_and_wait("aio-txn", b"dropped")
            raise ValueError("abort")
    except ValueError:
        pass
    async with sender.transaction():
        await sender.send_and_wait("aio-txn", b"kept too")
    await sender.stop()
    values = await read("aio-txn", "aio-txn", 2, isolation_level="read_committed")
    check(values == [b"kept", b"kept too"], f"read {values}")


async def restarted():
    check(len(await read("aio-None-all", "aio-after-restart", 200)) == 200, "records are missing after the restart")


def run(name, case):
    cases.run(name, lambda: asyncio.run(asyncio.wait_for(case, 60)))


if cases.phase == "first":
    for codec in [None, "gzip", "snappy", "lz4", "zstd"]:
        for acks in [0, 1, "all"]:
            run(f"produce and consume, {codec}, acks={acks}", produce(codec, acks))
    run("transactions", transactions())
else:
    run("records after a restart", restarted())
cases.end()
