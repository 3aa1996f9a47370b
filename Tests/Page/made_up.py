"""Made-up data of an application, as the console answers it: two topologies, and numbers that follow from the time alone."""

import hashlib
import json
import math
import random

# Keys that try to be more than text: markup, control characters, text that runs from right to left, no text at all.
HOSTILE_KEYS = [
    "<img src=x onerror=\"document.title='broken'\">", "<script>document.title='broken'</script>",
    "\u0000\u0007\u001b[31mred",
    "line\nbreak\ttab", "\u202egnirts desrever", "a\"b'c&amp;`${1}", "javascript:alert(1)", "long " + "x" * 4000, "",
    "__proto__", "Straße ☃ 🌊", "../../status?x=1#y",
]
MINUTE = 60_000
PEOPLE = ["ada", "bohuslav", "chidi", "dunja", "edsger", "frida", "grace", "hedy", "ines", "joan", "katka", "linus"]
GOODS = ["apple", "bread", "cheese", "dates", "eggs", "flour", "ginger", "honey", "ice", "jam"]


def node(name, role, operation, rate, successors=(), topics=(), stores=(), passes=1.0, drops=None):
    """A node and how it behaves: its records in per second, how many of them it passes on, and drops by reason."""
    return {
        "name": name, "role": role, "operation": operation, "topics": list(topics), "pattern": None,
        "stores": list(stores), "successors": list(successors),
        "_rate": rate, "_passes": passes, "_drops": drops or {}}


def store(name, kind, subtopology, users, changelog=True, value="int64", is_global=False, retention=None, asked=True):
    return {
        "name": name, "kind": kind, "keyFormat": "utf8", "valueFormat": value,
        "changelog": f"shop-{name}-changelog" if changelog else None, "isGlobal": is_global, "isQueryable": asked,
        "subtopology": subtopology, "users": list(users), "retentionMs": retention}


def topic(name, role, partitions=3):
    return {"name": name, "role": role, "partitions": partitions}


def shop():
    """Orders, views and clicks of a shop: a filter, joins, windows, a suppress, a global table, a repartition topic."""
    subtopologies = [
        {"number": 0, "isGlobal": False, "nodes": [
            node("KSTREAM-SOURCE-0000000000", "source", "source of utf8 to json", 840, ["paid"], ["orders"],
                 drops={"deserialization": 0.02}),
            node("paid", "processor", "filter", 840, ["with-customer", "by-product"], passes=0.6),
            node("with-customer", "processor", "inner streamGlobalTableJoin", 504, ["KSTREAM-SINK-0000000005"],
                 stores=["customers"], passes=0.97, drops={"noMatch": 15}),
            node("by-product", "processor", "selectKey", 504, ["KSTREAM-SINK-0000000004"]),
            node("KSTREAM-SINK-0000000005", "sink", "sink of utf8 to json", 489, topics=["orders-with-customers"]),
            node("KSTREAM-SINK-0000000004", "sink", "sink of utf8 to json", 504, topics=["shop-by-product-repartition"]),
        ]},
        {"number": 1, "isGlobal": False, "nodes": [
            node("KSTREAM-SOURCE-0000000006", "source", "source of utf8 to json", 504, ["per-minute"],
                 ["shop-by-product-repartition"]),
            node("per-minute", "processor", "count in tumbling windows of 60000 ms, grace 5000 ms, emits everyChange", 504,
                 ["final"], stores=["per-minute"], passes=0.99, drops={"late": 4.2, "nullKey": 0.3}),
            node("final", "processor", "suppress until windows close", 499, ["KTABLE-TOSTREAM-0000000009"],
                 stores=["final"], passes=0.004),
            node("KTABLE-TOSTREAM-0000000009", "processor", "toStream", 2, ["bestsellers"]),
            node("bestsellers", "sink", "sink of windowed-utf8 to int64", 2, topics=["bestsellers"]),
        ]},
        {"number": 2, "isGlobal": False, "nodes": [
            node("KSTREAM-SOURCE-0000000010", "source", "source of utf8 to json", 2_300, ["views-window"], ["views"]),
            node("KSTREAM-SOURCE-0000000011", "source", "source of utf8 to json", 310, ["clicks-window"], ["clicks"]),
            node("views-window", "processor", "joinWindow from 0 ms before to 30000 ms after, grace 2000 ms", 2_300,
                 ["clicked"], stores=["clicked-left"]),
            node("clicks-window", "processor", "joinWindow from 30000 ms before to 0 ms after, grace 2000 ms", 310,
                 ["clicked"], stores=["clicked-right"]),
            node("clicked", "processor", "left streamJoin from 0 ms before to 30000 ms after, grace 2000 ms", 2_610,
                 ["visits"], stores=["clicked-left", "clicked-right"], passes=0.8),
            node("visits", "processor", "aggregate in sessions with gaps up to 120000 ms, grace 0 ms, emits everyChange",
                 2_088, ["KSTREAM-SINK-0000000016"], stores=["visits"]),
            node("KSTREAM-SINK-0000000016", "sink", "sink of windowed-utf8 to json", 2_088, topics=["visits"]),
        ]},
        {"number": 3, "isGlobal": True, "nodes": [
            node("KSTREAM-SOURCE-0000000020", "source", "source of utf8 to json", 0.4, ["customers"], ["customers"]),
            node("customers", "processor", "table", 0.4, stores=["customers"]),
        ]},
    ]
    stores = [
        store("customers", "keyValue", 3, ["customers", "with-customer"], False, "json", True),
        store("per-minute", "window", 1, ["per-minute"], retention=86_400_000),
        store("final", "suppress", 1, ["final"], asked=False),
        store("clicked-left", "joinBuffer", 2, ["views-window", "clicked"], value="json", asked=False),
        store("clicked-right", "joinBuffer", 2, ["clicks-window", "clicked"], value="json", asked=False),
        store("visits", "session", 2, ["visits"], value="json", retention=3_600_000),
    ]
    topics = [
        topic("orders", "input"), topic("views", "input"), topic("clicks", "input"), topic("customers", "global", 1),
        topic("orders-with-customers", "output"), topic("bestsellers", "output"), topic("visits", "output"),
        topic("shop-by-product-repartition", "repartition"),
        *(topic(one["changelog"], "changelog") for one in stores if one["changelog"]),
    ]
    reasons = [
        reason("waitsForPartition", "task 2_1 has 31 records of views-1, and waits for clicks-1, which has none", task="2_1",
               partition={"topic": "clicks", "partition": 1}),
        reason("recordsDropped", "'per-minute' (count in tumbling windows of 60000 ms) dropped records as late: allow a "
               "longer grace if they matter", node="per-minute", drop="late", count=212),
        reason("windowOpen", "'final' (suppress until windows close) holds 9 windows: the first closes when stream time "
               "reaches 12:05:05, and partition 2 of shop-by-product-repartition has had no record for 14 s", node="final",
               task="1_2", count=9),
        reason("waitsForMatch", "'clicked' (left streamJoin) keeps 1,000 records for which a match may still come",
               node="clicked", count=1_000),
    ]
    return subtopologies, stores, topics, reasons


def large(count):
    """That many nodes: chains that branch and meet, and that repartition topics connect in groups of four."""
    chance, subtopologies, stores, topics, made, number = random.Random(7), [], [], [], 0, 0
    verbs = ["filter", "mapValues", "map", "peek", "flatMapValues", "process"]
    while made < count:
        size = min(chance.choice([5, 7, 9, 12]), count - made)
        size = size if count - made - size > 3 or size == count - made else count - made
        rate = chance.choice([2, 40, 300, 4_000])
        first, ends = number % 4 == 0, number % 4 == 3 or made + size >= count
        source = f"input-{number // 4}" if first else f"shop-part-{number - 1}-repartition"
        sink = f"output-{number // 4}" if ends else f"shop-part-{number}-repartition"
        names = [f"{chance.choice(GOODS)}-{chance.choice(PEOPLE)}-{made + place}" for place in range(size)]
        nodes = [node(names[0], "source", "source of utf8 to json", rate, [names[1]], [source])]
        for place in range(1, size - 1):
            following = [names[place + 1]]
            if place + 2 < size and chance.random() < 0.3:
                following.append(names[place + 2])
            nodes.append(node(names[place], "processor", chance.choice(verbs), rate, following, passes=1.0,
                              drops={"late": rate / 90} if chance.random() < 0.06 else None))
        nodes.append(node(names[-1], "sink", "sink of utf8 to json", rate, topics=[sink]))
        if size > 3:
            nodes[size // 2].update(operation="count, emits everyChange", stores=[f"count-{number}"])
            stores.append(store(f"count-{number}", "keyValue", number, [names[size // 2]]))
        topics += [topic(source, "input")] if first else []
        topics.append(topic(sink, "output" if ends else "repartition"))
        subtopologies.append({"number": number, "isGlobal": False, "nodes": nodes})
        made, number = made + size, number + 1
    return subtopologies, stores, topics, [
        reason("nothingPasses", f"'{subtopologies[5]['nodes'][1]['name']}' (filter) took 40 records and passed none on: "
               "check its closure with some of these records", node=subtopologies[5]["nodes"][1]["name"], count=40)]


def reason(kind, sentence, **facts):
    return {"kind": kind, "sentence": sentence, "page": f"Docs/Explain.md#{kind.lower()}", **facts}


def amount(rate, seconds, phase=0.0):
    """How many records have come after that many seconds, at a rate that swells and ebbs."""
    wave = 0.35 * 23 * (math.cos(phase) - math.cos(seconds / 23 + phase))
    return max(int(rate * (seconds + wave)), 0)


def phase(name):
    return hashlib.sha256(name.encode()).digest()[0] / 40


def keys_of(name):
    """The keys of a store in their order; that of customers has the hostile ones too."""
    plain = GOODS if name == "per-minute" else [f"{one}-{number:03}" for one in PEOPLE for number in range(12)]
    return sorted(plain + (HOSTILE_KEYS if name == "customers" else []), key=lambda key: key.encode())


def value_of(one, key, bonus=0):
    seed = int.from_bytes(hashlib.sha256((one["name"] + key).encode()).digest()[:4], "big") + bonus
    if one["valueFormat"] == "int64":
        return seed % 900
    return {"name": key[:40], "visits": seed % 40, "id": 9_007_199_254_740_993 + seed, "tags": ["new", "<b>bold</b>"],
            "note": None}


def windows_of(one, key, since, until, now):
    """Tumbling windows of a minute, or sessions of some minutes with gaps between them."""
    windows = []
    if one["kind"] == "window":
        for start in range(max(since, now - 30 * MINUTE) // MINUTE * MINUTE, min(until, now) + 1, MINUTE):
            windows.append((start, start + MINUTE))
    else:
        start = max(since, now - 60 * MINUTE) // (9 * MINUTE) * 9 * MINUTE
        while start <= min(until, now):
            length = (int(start / MINUTE) * 7919 + len(key) * 31) % 6 + 1
            windows.append((start, start + length * MINUTE))
            start += 9 * MINUTE
    return [{"key": key, "start": start, "end": end, "value": value_of(one, key, start // MINUTE), "timestamp": end - 1}
            for start, end in windows]


def record(name, partition, offset, time):
    """The record of a topic at an offset: always the same."""
    seed = int.from_bytes(hashlib.sha256(f"{name}-{partition}-{offset}".encode()).digest()[:6], "big")
    key = PEOPLE[seed % len(PEOPLE)]
    value = json.dumps({"customer": key, "product": GOODS[seed % len(GOODS)], "cents": seed % 9_000, "paid": seed % 3 > 0})
    if seed % 53 == 0:
        key = HOSTILE_KEYS[seed % len(HOSTILE_KEYS)]
    if seed % 31 == 0:
        value = {"hex": "ff00c0ffee" + f"{seed:x}"}
    if seed % 37 == 0:
        value = None
    headers = [{"name": "trace", "value": f"{seed:016x}"}] if seed % 2 else []
    return {"partition": partition, "offset": offset, "timestamp": time, "key": key, "value": value, "headers": headers}
