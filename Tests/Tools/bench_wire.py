#!/usr/bin/env python3
"""Measures a broker over loopback: producing and fetching prebuilt batches, and small requests that are pipelined.

    bench_wire.py [--program PATH] [--load PATH] [--folder FOLDER] [--repeat N] [--seconds S] [--short]
    bench_wire.py --port PORT --pid PID …      measures a broker that runs already, Apache Kafka's for example

Prints a row per run: durability, what was done, the size of the batches, connections, requests per second, MB per second
and MB per CPU second of the broker's process, p50 and p99 from a request to its answer in milliseconds; then a line per
aim. Each run is repeated, and the best of the repetitions counts: other programs only make it worse. The disk's sync is
measured in turns with the producing that waits for it. A connection has one request at a time, the pipelined ones apart.
`--short` only shows that it works: its figures say nothing.
"""

import argparse
import contextlib
import os
import pathlib
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_process import BrokerProcess, built  # noqa: E402

SMALL, LARGE = 16 << 10, 1 << 20
AIMS = {"fetch": 2000, "produce": 1000}
PIPELINED_REQUESTS, SYNC_MARGIN_MS = 100_000, 2.0


class Given:
    """A broker that others run."""

    def __init__(self, port, pid):
        self.port, self.pid = port, pid


class Bench:
    def __init__(self, options):
        self.options = options
        self.topics = 0
        self.rows = {}

    def load(self, broker, mode, topic, **settings):
        command = [self.options.load, mode, "--port", broker.port, "--pid", broker.pid, "--topic", topic]
        for name, value in settings.items():
            command += [f"--{name}", value]
        done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
        return {name: float(value) for name, value in (pair.split("=") for pair in done.stdout.split())}

    def topic(self, broker, partitions):
        self.topics += 1
        name = f"load-{os.getpid()}-{self.topics}"
        self.load(broker, "create", name, partitions=partitions)
        return name

    @contextlib.contextmanager
    def broker(self, durability):
        """A broker in a folder that is removed afterwards, so that runs do not differ in how much memory the files of
        earlier ones hold: where a virtual machine has to get new memory from its host, a write costs five times as much.
        """
        if self.options.port:
            yield Given(self.options.port, self.options.pid)
            return
        with tempfile.TemporaryDirectory(dir=self.folder) as folder:
            with BrokerProcess(self.options.program, folder, "--durability", durability) as broker:
                yield broker

    def best(self, durability, mode, size, connections, **settings):
        """The best of some runs, each on a broker of its own."""
        if (mode, size) == ("produce", LARGE):
            self.get_memory()
        found = []
        for _ in range(self.options.repeat):
            with self.broker(durability) as broker:
                found.append(self.run_once(broker, mode, size, connections, **settings))
        self.show(durability, mode, size, connections, found)

    def get_memory(self):
        """Has the page cache hold memory: a virtual machine gives free memory back to its host, and to get it again costs
        more than the write that needs it.
        """
        if self.options.short:
            return
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        with tempfile.TemporaryFile(dir=self.folder) as file:
            for _ in range(min(free // 3, 8 << 30) // LARGE):
                file.write(bytes(LARGE))

    def run_once(self, broker, mode, size, connections, **settings):
        limit = 64 if self.options.short else max((1 << 30) // size, 1)
        topic = self.topic(broker, connections)
        common = {"batch": size, "connections": connections, "partitions": connections, **settings}
        if mode == "fetch":
            held = 4 * connections if self.options.short else max((256 << 20) // size, 4 * connections)
            self.load(broker, "produce", topic, **{**common, "acks": -1}, requests=held, seconds=60)
            limit = 64 if self.options.short else 1 << 40
        return self.load(broker, mode, topic, **common, requests=limit, seconds=self.options.seconds)

    def show(self, durability, mode, size, connections, found):
        best = {name: min(run[name] for run in found) for name in ("p50", "p99")}
        best["rate"] = max(run["requests"] / run["seconds"] for run in found)
        best["wall"] = max(run["bytes"] / run["seconds"] for run in found) / 1e6
        # Less than a few ticks of the kernel's clock says nothing.
        costs = [run["bytes"] / run["cpu"] / 1e6 for run in found if run["cpu"] >= 0.05]
        best["cost"] = max(costs) if costs else float("nan")
        self.rows[durability, mode, size, connections] = best
        size = f"{size >> 10} KiB" if size >= 1024 else f"{size} B"
        print(
            f"{durability:5} {mode:9} {size:>8} {connections:4} {best['rate']:10.0f} {best['wall']:9.0f}"
            f" {best['cost']:13.0f} {best['p50']:9.2f} {best['p99']:9.2f}", flush=True)

    def syncs(self):
        """The p99 of a plain sync of the same disk after 16 KiB were written, in milliseconds."""
        times = []
        end = time.monotonic() + self.options.seconds
        with tempfile.NamedTemporaryFile(dir=self.folder) as file:
            while time.monotonic() < end:
                os.write(file.fileno(), bytes(SMALL))
                begun = time.monotonic()
                os.fdatasync(file.fileno())
                times.append((time.monotonic() - begun) * 1e3)
        return sorted(times)[(len(times) - 1) * 99 // 100]

    def synced(self):
        """Producing with a sync each, in turns with plain syncs."""
        found, syncs = [], []
        with self.broker("sync") as broker:
            for _ in range(2 * self.options.repeat):
                syncs.append(self.syncs())
                topic = self.topic(broker, 1)
                found.append(self.load(broker, "produce", topic, batch=SMALL, seconds=self.options.seconds))
        self.show("sync", "produce", SMALL, 1, found)
        return min(syncs)

    def run(self):
        print("acks  what         batch  con. requests/s      MB/s MB/CPU second  p50 (ms)  p99 (ms)", flush=True)
        sync = None
        for durability in ["given"] if self.options.port else ["os", "sync"]:
            for mode in ["produce", "fetch"]:
                for size in [SMALL, LARGE]:
                    for connections in [1, 50]:
                        if (durability, mode, size, connections) == ("sync", "produce", SMALL, 1):
                            sync = self.synced()
                        else:
                            self.best(durability, mode, size, connections)
        durability = "given" if self.options.port else "os"
        self.best(durability, "produce", 150, 1, window=450, acks=1)
        self.judge(durability, sync)

    def judge(self, durability, sync):
        def aim(what, is_met):
            print(f"{'met   ' if is_met else 'missed'} {what}")

        for mode, wanted in AIMS.items():
            costs = [self.rows[durability, mode, LARGE, connections]["cost"] for connections in (1, 50)]
            shown = " and ".join(f"{cost:.0f}" for cost in costs)
            aim(
                f"{mode}: {shown} MB per CPU second of the broker at 1 MiB with 1 and 50 connections; the aim is {wanted}",
                min(costs) >= wanted)
        rate = self.rows[durability, "produce", 150, 1]["rate"]
        aim(
            f"pipelined small produce requests: {rate:.0f} a second; the aim is {PIPELINED_REQUESTS}",
            rate >= PIPELINED_REQUESTS)
        if sync is not None:
            late = self.rows["sync", "produce", SMALL, 1]["p99"]
            aim(
                f"acks=all: p99 of {late:.2f} ms with a sync of {sync:.2f} ms (p99); the aim is {SYNC_MARGIN_MS} ms above",
                late <= sync + SYNC_MARGIN_MS)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--load", type=pathlib.Path)
    parser.add_argument("--folder", help="where the topics are kept while it runs")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--port", type=int)
    parser.add_argument("--pid", type=int)
    options = parser.parse_args()
    if options.short:
        options.repeat, options.seconds = 1, 0.05
    options.load = options.load or built("wire-load")
    if not options.port:
        options.program = options.program or built("moldau")
    bench = Bench(options)
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench.folder = folder
        bench.run()


if __name__ == "__main__":
    main()
