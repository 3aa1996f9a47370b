#!/usr/bin/env python3
"""Serves the console's page with made-up data, under the same Content-Security-Policy as the console.

    mock.py [--port P] [--nodes N] [--token T]

Prints its address. `--nodes` makes a topology of that many nodes instead of the shop's; with `--token`, requests without
it are answered with 401. `GET /mock/restart?seconds=S` ends all streams, refuses everything for that long, and begins again
with all counts at 0; `GET /mock/calm` takes the reasons away, and `GET /mock/silent` stops all output.
"""

import argparse
import base64
import hashlib
import http.server
import json
import pathlib
import re
import socketserver
import threading
import time
import urllib.parse

import made_up

PAGE = pathlib.Path(__file__).resolve().parent.parent.parent / "Sources/MoldauConsole/Page/page.html"
PARTITIONS = 3


def policy(page):
    """Nothing but the page's own style and script, which their hashes name, and questions to its own server."""
    def hashes(tag):
        texts = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)
        return " ".join("'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'"
                        for text in texts)
    return (f"default-src 'none'; script-src {hashes('script')}; style-src {hashes('style')}; connect-src 'self'; "
            "base-uri 'none'; form-action 'none'; frame-ancestors 'none'")


class Refusal(Exception):
    def __init__(self, status, kind, sentence):
        self.status, self.body = status, {"error": sentence, "kind": kind}


class Application:
    """What the answers are about."""

    def __init__(self, nodes):
        self.subtopologies, self.stores, self.topics, self.reasons = made_up.large(nodes) if nodes else made_up.shop()
        self.nodes = [one for part in self.subtopologies for one in part["nodes"]]
        self.is_silent, self.is_away, self.generation = False, False, 0
        self.begin()

    def begin(self):
        self.started = time.time()
        self.events = [
            {"time": self.ms(self.started), "kind": "state", "text": "the application is rebalancing; it was created"},
            {"time": self.ms(self.started + 0.3), "kind": "rebalance", "text": "9 tasks for 2 threads, generation 4"},
            {"time": self.ms(self.started + 0.9), "kind": "restore", "text": "customers restored: 156 records"},
            {"time": self.ms(self.started + 1.1), "kind": "state", "text": "the application is running; it was rebalancing"}]

    @staticmethod
    def ms(seconds):
        return int(seconds * 1000)

    def restart(self, seconds):
        self.is_away, self.generation = True, self.generation + 1
        time.sleep(seconds)
        self.begin()
        self.is_away = False

    @property
    def age(self):
        return time.time() - self.started

    def counts(self, one):
        silent = self.is_silent and one["role"] == "sink"
        records = 0 if silent else made_up.amount(one["_rate"], self.age, made_up.phase(one["name"]))
        drops = {why: int(rate * self.age) for why, rate in one["_drops"].items()}
        return records, int(records * one["_passes"]), drops

    def end(self, name):
        rate = next((one["_rate"] for one in self.nodes if name in one["topics"]), 3)
        return 1_000 + made_up.amount(rate / PARTITIONS, self.age, made_up.phase(name)) + int(self.age / 3)

    def topology(self):
        parts = [{**part, "nodes": [{k: v for k, v in one.items() if k[0] != "_"} for one in part["nodes"]]}
                 for part in self.subtopologies]
        text = "Topologies:\n" + "\n".join(
            f"   Sub-topology: {part['number']}\n" + "\n".join(f"    {one['name']}" for one in part["nodes"])
            for part in self.subtopologies)
        return {"application": "shop", "subtopologies": parts, "stores": self.stores, "topics": self.topics, "text": text}

    def status(self):
        tasks, restores = [], []
        for part in self.subtopologies:
            read = [name for one in part["nodes"] if one["role"] == "source" for name in one["topics"]]
            for number in range(0 if part["isGlobal"] else PARTITIONS):
                places = []
                for name in read:
                    end, lag = self.end(name), (380 + int(self.age * 9) if name == "views" and number == 1 else number % 2)
                    places.append({"topic": name, "partition": number, "position": end - lag, "end": end, "lag": lag,
                                   "lagMs": lag * 60})
                waits = [{"topic": "clicks", "partition": 1}] if (part["number"], number) == (2, 1) and self.reasons else []
                tasks.append({"id": f"{part['number']}_{number}", "thread": f"shop-thread-{number % 2 + 1}",
                              "partitions": places, "waitsFor": waits, "inFlight": 0})
        left = int(48_000 - self.age * 400)
        if left > 0 and self.reasons:
            restores = [{"store": "visits", "topic": "shop-visits-changelog", "partition": 2, "remaining": left,
                         "isStandby": False}]
        threads = [{"name": f"shop-thread-{number}", "isAlive": True, "standbys": [],
                    "tasks": [task["id"] for task in tasks if task["thread"].endswith(str(number))]} for number in (1, 2)]
        return {"application": "shop", "state": "running", "isPaused": False, "startedAt": self.ms(self.started),
                "now": self.ms(time.time()), "guarantee": "exactlyOnce", "processed": self.processed, "threads": threads,
                "commits": int(self.age * 2), "restored": 9_120, "tasks": tasks, "restores": restores,
                "memory": self.memory, "disk": {"storeBytes": 734_003_200, "topicBytes": 96_468_992, "freeBytes": 64 << 30,
                                                "totalBytes": 252 << 30}, "hosts": {"localhost:8080": ["0_0"]}}

    @property
    def processed(self):
        return sum(self.counts(one)[0] for one in self.nodes if one["role"] == "source")

    @property
    def memory(self):
        return {"usedBytes": int(96e6 + 30e6 * (self.age % 60) / 60), "budgetBytes": 256 << 20}

    @property
    def causes(self):
        silent = made_up.reason("topicEmpty", "topic 'orders' has never had a record: check that its producer runs, and "
                                "that it writes to a topic of exactly this name")
        return ([silent] if self.is_silent else []) + self.reasons

    def explain(self):
        nodes = []
        for one in self.nodes:
            received, passed, drops = self.counts(one)
            nodes.append({"name": one["name"], "operation": one["operation"], "recordsIn": received, "recordsOut": passed,
                          "drops": [self.drop(one, why, count) for why, count in drops.items() if count]})
        return {"application": "shop", "state": "running", "reasons": self.causes, "nodes": nodes}

    def drop(self, one, why, count):
        now = self.ms(time.time())
        samples = [{"partition": {"topic": "orders", "partition": number % 3}, "offset": 4_000 + number,
                    "time": now - 65_000 - number * 900, "key": made_up.HOSTILE_KEYS[number],
                    "value": '{"cents": %d}' % number} for number in range(3)]
        return {"reason": why, "count": count, "first": self.ms(self.started), "last": now, "samples": samples}

    def update(self):
        nodes = []
        for one in self.nodes:
            received, passed, drops = self.counts(one)
            nodes.append({"name": one["name"], "in": received, "out": passed, "drops": sum(drops.values())})
        status = self.status()
        lag = sum(place["lag"] for task in status["tasks"] for place in task["partitions"])
        return {"now": self.ms(time.time()), "state": "running", "isPaused": False, "processed": self.processed,
                "commits": int(self.age * 2), "nodes": nodes, "lag": lag, "restoring": len(status["restores"]),
                "memory": self.memory, "reasons": self.causes}

    def lag(self, of_all=False):
        parts = []
        for place in [place for task in self.status()["tasks"] for place in task["partitions"]]:
            stops, is_new = place["lag"] > 100, self.age < 10
            judgement = None if is_new else "stop" if stops else "ok"
            reason = "2 samples: too few" if is_new else "nothing committed for 31 s" if stops else "it has read everything"
            parts.append({"topic": place["topic"], "partition": place["partition"], "committed": place["position"],
                          "end": place["end"], "lag": place["lag"], "judgement": judgement, "reason": reason})
        other = {"topic": "orders", "partition": 0, "committed": 90, "end": 93, "lag": 3, "judgement": "ok", "complete": 1.0,
                 "reason": "its lag is shrinking"}
        others = [{"group": "reports", "lag": 3, "partitions": [other]}] if of_all else []
        return {"groups": [{"group": "shop", "lag": sum(one["lag"] for one in parts), "partitions": parts}, *others]}

    def happened(self):
        now = int(self.age)
        commits = [{"time": self.ms(self.started + second), "kind": "commit", "text": f"{1 + second % 2} commits"}
                   for second in range(max(now - 300, 1), now)]
        return {"events": sorted(self.events + commits, key=lambda event: event["time"])[-500:]}

    # MARK: Stores and topics

    def store(self, name):
        one = next((one for one in self.stores if one["name"] == name), None)
        if one is None:
            raise Refusal(404, "unknownStore", f"there is no store '{name}': GET /stores lists them")
        return one

    def fact(self, **facts):
        place = {"topic": "orders", "partition": 0, "offset": self.end("orders")}
        return {**facts, "position": [place], "ageMs": 40, "lag": []}

    def get(self, one, question):
        key = question.get("key", "")
        if one["kind"] in ("window", "session"):
            raise Refusal(400, "needsWindow", f"'{one['name']}' has windows: ask /windows or /sessions")
        found = key in made_up.keys_of(one["name"])
        return self.fact(key=key, value=made_up.value_of(one, key) if found else None, found=found,
                         timestamp=self.ms(self.started) if found else None)

    def page(self, entries, question):
        limit, after = min(int(question.get("limit", 100)), 1_000), int(question.get("after", 0))
        if question.get("reverse") == "true":
            entries = entries[::-1]
        following = str(after + limit) if after + limit < len(entries) else None
        return self.fact(entries=entries[after:after + limit], next=following)

    def range(self, one, question):
        entries = [{"key": key, "value": made_up.value_of(one, key), "timestamp": self.ms(self.started)}
                   for key in made_up.keys_of(one["name"])
                   if key.startswith(question.get("prefix", "")) and key >= question.get("from", "")
                   and ("to" not in question or key <= question["to"])]
        return self.page(entries, question)

    def windows(self, one, question):
        now = self.ms(time.time())
        keys = [question["key"]] if "key" in question else made_up.keys_of(one["name"])[:8]
        found = [entry for key in keys for entry in made_up.windows_of(
            one, key, int(question.get("from", 0)), int(question.get("to", now)), now)]
        return self.page(found if question.get("key") != "nobody" else [], question)

    def why_not(self, question):
        sentence = f"the changelog of '{question['store']}' has no record of this key: check the spelling"
        return {"store": question["store"], "key": question.get("key"), "partition": 1, "task": "1_1", "isHere": True,
                "hasValue": False, "reasons": [made_up.reason("keyNeverWritten", sentence)]}

    def records(self, name, question):
        if name not in [one["name"] for one in self.topics]:
            raise Refusal(404, "unknownTopic", f"there is no topic '{name}': GET /topics lists them")
        partition, limit = int(question.get("partition", 0)), min(int(question.get("limit", 50)), 500)
        end, place = self.end(name), question.get("offset", "latest")
        first = end - limit if place == "latest" else 0 if place == "earliest" else int(place)
        now, found, apart = self.ms(time.time()), [], 1_000 * self.age / max(end - 1_000, 1)
        for offset in range(max(first, 0), end):
            one = made_up.record(name, partition, offset, int(now - (end - offset) * apart))
            if "key" not in question or one["key"] == question["key"]:
                found.append(one)
            if len(found) == limit:
                break
        following = found[-1]["offset"] + 1 if len(found) == limit else end
        return {"records": found, "begin": 0, "end": end, "next": following}


class Answers(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    application, token = None, None

    def log_message(self, *_):
        pass

    def send(self, status, body, kind="application/json", **headers):
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": len(content), "Cache-Control": "no-store",
                            "X-Content-Type-Options": "nosniff", **headers}.items():
            self.send_header(name, str(value))
        self.end_headers()
        self.wfile.write(content)

    def do_GET(self):
        address = urllib.parse.urlsplit(self.path)
        question = dict(urllib.parse.parse_qsl(address.query, keep_blank_values=True))
        parts = [urllib.parse.unquote(part) for part in address.path.split("/")[1:]]
        app = self.application
        try:
            if parts[0] == "mock":
                return self.order(parts[1], question)
            if app.is_away:
                self.close_connection = True
                return None
            if parts == [""]:
                page = PAGE.read_text(encoding="utf-8")
                return self.send(200, page, "text/html; charset=utf-8", **{"Content-Security-Policy": policy(page)})
            if self.token and self.headers.get("Authorization") != f"Bearer {self.token}":
                raise Refusal(401, "noToken", "send the token: Authorization: Bearer TOKEN")
            if parts == ["updates"]:
                return self.stream("update", app.update, 1)
            if parts[0] == "stores" and parts[2:] == ["changes"]:
                return self.stream("change", lambda: self.change(app.store(parts[1])), 0.4)
            return self.send(200, self.answer(parts, question))
        except Refusal as refusal:
            return self.send(refusal.status, refusal.body)
        except (ValueError, KeyError) as error:
            return self.send(400, {"error": f"the question is not understood: {error}", "kind": "badRequest"})
        except (BrokenPipeError, ConnectionResetError):
            return None

    def answer(self, parts, question):
        app = self.application
        plain = {"topology": app.topology, "status": app.status, "lag": lambda: app.lag(question.get("all") == "true"),
                 "events": app.happened,
                 "stores": lambda: {"stores": app.stores}, "topics": lambda: {"topics": app.topics},
                 "explain": lambda: app.why_not(question) if "key" in question else app.explain()}
        if len(parts) == 1 and parts[0] in plain:
            return plain[parts[0]]()
        if len(parts) == 3 and parts[0] == "topics" and parts[2] == "records":
            return app.records(parts[1], question)
        asked = {"get": app.get, "range": app.range, "prefix": app.range, "windows": app.windows, "sessions": app.windows}
        if len(parts) == 3 and parts[0] == "stores" and parts[2] in asked:
            return asked[parts[2]](app.store(parts[1]), question)
        raise Refusal(404, "unknownPath", "there is nothing at this path: see /openapi.json")

    def order(self, what, question):
        app = self.application
        if what == "restart":
            threading.Thread(target=app.restart, args=[float(question.get("seconds", 2))], daemon=True).start()
        elif what == "calm":
            app.reasons = []
        elif what == "silent":
            app.is_silent = True
        self.send(200, {"done": what})

    @staticmethod
    def change(one):
        keys = made_up.keys_of(one["name"])
        key = keys[int(time.time() * 2.5) % len(keys)]
        now = int(time.time() * 1000)
        windows = made_up.windows_of(one, key, 0, now, now) if one["kind"] in ("window", "session") else []
        window = {name: windows[-1][name] for name in ("start", "end")} if windows else {}
        return {"key": key, **window, "value": made_up.value_of(one, key, int(time.time())), "timestamp": now,
                "partition": 0, "offset": int(time.time() * 2.5)}

    def stream(self, name, body, seconds):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        generation = self.application.generation
        while self.application.generation == generation:
            self.wfile.write(f"event: {name}\ndata: {json.dumps(body())}\n\n".encode())
            self.wfile.flush()
            time.sleep(seconds)


class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads, allow_reuse_address = True, True

    def handle_error(self, request, address):
        """A browser that goes away is no error."""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=0, help="0 chooses a free one")
    parser.add_argument("--nodes", type=int, default=0, help="a made-up topology of that many nodes")
    parser.add_argument("--token", help="what requests must carry")
    options = parser.parse_args()
    Answers.application, Answers.token = Application(options.nodes), options.token
    server = Server(("127.0.0.1", options.port), Answers)
    print(f"http://127.0.0.1:{server.server_address[1]}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass


if __name__ == "__main__":
    main()
