#!/usr/bin/env python3
"""Runs hostile clients against `moldau broker`, watches its memory, and measures what honest clients notice.

    hostile.py [--program PATH] [--load PATH] [--seconds S] [--idle N] [--each N]

The hostile: connections that ask once and then do nothing; clients that fetch and never read; that send a byte a second;
that announce 2 GiB; that begin large frames and stop; that connect and go in a loop; that send garbage. All at once, for
that many seconds. The process must stay within 256 MiB of memory that is not mapped from files, and honest clients, who
produce and fetch meanwhile, must all be answered: their latencies are printed, with and without the others.
"""

import argparse
import os
import pathlib
import random
import resource
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_process import BrokerProcess, built  # noqa: E402

LIMIT_MEBIBYTES = 256
BATCH = 16 << 10


def frame(body):
    return struct.pack(">i", len(body)) + body


API_VERSIONS = frame(struct.pack(">hhih", 18, 0, 1, -1))


def fetch(topic):
    name = topic.encode()
    return frame(
        struct.pack(">hhih", 1, 4, 1, -1) + struct.pack(">iiiib", -1, 0, 1, 50 << 20, 0)
        + struct.pack(">ih", 1, len(name)) + name + struct.pack(">iiqi", 1, 0, 0, 50 << 20))


class Hostile:
    """Everything that is done to the broker; each method is one kind of client, and runs until the end."""

    def __init__(self, port, options):
        self.port, self.options = port, options
        self.ends = threading.Event()
        self.counts = {}

    def connect(self):
        return socket.create_connection(("127.0.0.1", self.port), timeout=30)

    def kinds(self):
        everything = [self.idle, self.never_read, self.drip, self.announce, self.begin_large, self.loop, self.garbage]
        return [kind for kind in everything if not self.options.only or kind.__name__ in self.options.only]

    def count(self, what, number=1):
        self.counts[what] = self.counts.get(what, 0) + number

    def several(self):
        return [self.connect() for _ in range(self.options.each)]

    def idle(self):
        sockets = []
        for _ in range(self.options.idle):
            one = self.connect()
            one.sendall(API_VERSIONS)
            one.recv(4096)
            sockets.append(one)
            self.count("idle")
            if self.ends.is_set():
                return
        self.ends.wait()

    def never_read(self):
        """Asks for 50 MiB again and again, and for small answers, and takes nothing."""
        sockets = self.several()
        for number, one in enumerate(sockets):
            one.setblocking(False)
            one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            self.send_some(one, (fetch("load") if number % 2 else API_VERSIONS) * 10000)
        self.count("never read", len(sockets))
        self.ends.wait()

    def send_some(self, one, data):
        try:
            return one.send(data)
        except (BlockingIOError, ConnectionError):
            return 0

    def drip(self):
        sockets = self.several()
        self.count("a byte a second", len(sockets))
        data = fetch("load") * 100
        place = 0
        while not self.ends.wait(1):
            for one in sockets:
                self.send_some(one, data[place:place + 1])
            place += 1

    def announce(self):
        while not self.ends.wait(0.1):
            for one in self.several():
                self.send_some(one, struct.pack(">i", 0x7FFFFFFF) + bytes(100))
                one.close()
                self.count("announce 2 GiB")

    def begin_large(self):
        """Announces 90 MiB, sends more and more of it, and stops for a while."""
        sockets = self.several()
        for one in sockets:
            one.setblocking(False)
            self.send_some(one, struct.pack(">i", 90 << 20))
        data = bytes(1 << 20)
        while not self.ends.wait(0.05):
            for place, one in enumerate(sockets):
                try:
                    one.send(data)
                except BlockingIOError:
                    pass
                except ConnectionError:
                    sockets[place] = self.connect()
                    sockets[place].setblocking(False)
                    self.send_some(sockets[place], struct.pack(">i", 90 << 20))
                    self.count("large frames cut off")

    def loop(self):
        while not self.ends.is_set():
            one = self.connect()
            one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            one.close()
            self.count("connect and go")
            if self.counts["connect and go"] % 50 == 0:
                time.sleep(0.01)

    def garbage(self):
        rng = random.Random(1)
        while not self.ends.is_set():
            for one in self.several():
                body = rng.randbytes(rng.randrange(1, 2000))
                if rng.random() < 0.5:
                    body = struct.pack(">hhi", rng.randrange(80), rng.randrange(14), 1) + body
                self.send_some(one, frame(body) if rng.random() < 0.8 else body)
                one.close()
                self.count("garbage")
            time.sleep(0.05)


class Honest(threading.Thread):
    """A client that is measured: a request at a time."""

    def __init__(self, load, mode, broker, seconds):
        super().__init__()
        self.command = [
            load, mode, "--port", broker.port, "--pid", broker.pid, "--topic", "load", "--batch", BATCH, "--seconds", seconds]
        self.result = None

    def run(self):
        done = subprocess.run([str(word) for word in self.command], capture_output=True, text=True)
        if done.returncode == 0:
            self.result = dict(pair.split("=") for pair in done.stdout.split())
        else:
            print(done.stderr, end="", flush=True)


def honest(options, broker, seconds, watch=lambda: None):
    """Returns what honest clients met in so many seconds, as lines."""
    clients = [Honest(options.load, mode, broker, seconds) for mode in ("produce", "fetch")]
    for client in clients:
        client.start()
    while any(client.is_alive() for client in clients):
        watch()
        time.sleep(0.1)
    if not all(client.result for client in clients):
        raise SystemExit("an honest client was not served")
    return [
        f"{name}: {client.result['requests']} requests, p50 {client.result['p50']} ms, p99 {client.result['p99']} ms"
        for name, client in zip(("produce", "fetch"), clients)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--load", type=pathlib.Path)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--idle", type=int, default=10_000)
    parser.add_argument("--each", type=int, default=50, help="how many clients of each other kind")
    parser.add_argument("--only", nargs="+", help="the kinds of clients; all if none is named")
    options = parser.parse_args()
    options.program, options.load = options.program or built("moldau"), options.load or built("wire-load")
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    if most < options.idle + 2000:
        raise SystemExit(f"{options.idle} connections need more descriptors than {most}: raise 'ulimit -Hn'")
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with (
        tempfile.TemporaryDirectory(prefix="hostile-") as data,
        BrokerProcess(options.program, data, "--durability", "os") as broker,
    ):
        load = [str(options.load), "create", "--port", str(broker.port), "--topic", "load"]
        subprocess.run(load, check=True)
        alone = honest(options, broker, min(options.seconds, 3))
        most = run(options, broker, alone)
        broker.stop()
    if most > LIMIT_MEBIBYTES:
        raise SystemExit(f"the broker took {most:.0f} MiB; {LIMIT_MEBIBYTES} are allowed")


def run(options, broker, alone):
    hostile = Hostile(broker.port, options)
    idle = options.idle if hostile.idle in hostile.kinds() else 0
    failures = []

    def guarded(kind):
        try:
            kind()
        except Exception as error:  # What goes wrong here must not pass unseen.
            failures.append(f"{kind.__name__}: {error!r}")

    threads = [threading.Thread(target=guarded, args=[kind], daemon=True) for kind in hostile.kinds()]
    for thread in threads:
        thread.start()
        # The first ones do nothing but be there: the others begin when they all are.
        while idle > hostile.counts.get("idle", 0) and thread.is_alive():
            time.sleep(0.05)
    memory = [0.0]
    amid = honest(
        options, broker, max(options.seconds, 1), lambda: memory.append(broker.mebibytes()))
    hostile.ends.set()
    for thread in threads:
        thread.join(30)
    after = honest(options, broker, min(options.seconds, 3))
    for title, lines in (("alone", alone), ("amid the hostile", amid), ("afterwards", after)):
        for line in lines:
            print(f"{title}: {line}")
    print("hostile: " + ", ".join(f"{count} {what}" for what, count in sorted(hostile.counts.items())))
    print(f"memory: {max(memory):.0f} MiB at most")
    if failures or hostile.counts.get("idle", 0) < idle:
        raise SystemExit(f"a hostile client could not do its work: {failures}")
    return max(memory)


if __name__ == "__main__":
    main()
