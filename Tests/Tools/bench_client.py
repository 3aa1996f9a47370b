#!/usr/bin/env python3
"""Measures MoldauClient's producer and consumer against `moldau broker` over loopback, by records of 100 bytes.

    bench_client.py [--program PATH] [--records N] [--repeat N] [--rdkafka PATH]

Prints records per second and per CPU second of the client's process; of several runs, the best. `--rdkafka` names
librdkafka's `rdkafka_performance`, which then runs in turns with the others.
"""

import argparse
import json
import os
import pathlib
import resource
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from broker_process import BrokerProcess, built  # noqa: E402

BATCH_BYTES = 1 << 20
AIMS = {"append": 2e6, "enqueue": 2e6, "batches": 3e6, "poll": 3e6}


def run(command):
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


class Bench:
    def __init__(self, options):
        self.options = options
        self.best = {}

    def note(self, name, wall, cpu):
        rate, cost = self.options.records / wall, self.options.records / cpu
        old = self.best.get(name, (0, 0))
        self.best[name] = (max(rate, old[0]), max(cost, old[1]))

    def ours(self, broker, name, way, topic, *flags):
        command = [self.options.program, "perf", way, "--bootstrap-server", broker.address, "--topic", topic, "--json"]
        command += ["--num-records", self.options.records, *flags]
        done = subprocess.run([str(word) for word in command], check=True, capture_output=True, text=True)
        found = json.loads(done.stdout)
        self.note(name, found["seconds"], found["cpuSeconds"])

    def produce(self, broker, name, topic, *flags):
        run([self.options.program, "topics", "create", topic, "--bootstrap-server", broker.address])
        for setting in [f"batch.size={BATCH_BYTES}", f"max.request.size={BATCH_BYTES + 1024}", "linger.ms=5"]:
            flags += ("--command-property", setting)
        self.ours(broker, name, "produce", topic, "--record-size", 100, *flags)

    def theirs(self, broker, name, *flags):
        """The whole process counts: it does not tell what it has used."""
        before, begun = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
        command = [self.options.rdkafka, *flags, "-b", broker.address, "-p", "0", "-c", str(self.options.records), "-q"]
        subprocess.run([str(word) for word in command], check=True, capture_output=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
        self.note(name, time.monotonic() - begun, cpu)

    def run(self):
        with tempfile.TemporaryDirectory() as folder:
            with BrokerProcess(self.options.program, folder, "--durability", "os") as broker:
                for turn in range(self.options.repeat):
                    self.produce(broker, "append", f"append-{turn}")
                    self.produce(broker, "enqueue", f"enqueue-{turn}", "--each")
                    self.ours(broker, "batches", "consume", f"append-{turn}")
                    self.ours(broker, "poll", "consume", f"append-{turn}", "--each")
                    if self.options.rdkafka:
                        sizes = ["-X", f"batch.size={BATCH_BYTES}", "-X", "linger.ms=5", "-X", "enable.idempotence=true",
                                 "-X", "batch.num.messages=20000"]
                        self.theirs(broker, "rdkafka -P", "-P", "-t", f"rdkafka-{turn}", "-s", "100", *sizes)
                        self.theirs(broker, "rdkafka -C", "-C", "-t", f"append-{turn}", "-o", "beginning")
        print("what           records/s   per CPU second")
        for name, (rate, cost) in self.best.items():
            print(f"{name:12} {rate:11.0f} {cost:16.0f}")
        for name, aim in AIMS.items():
            cost = self.best[name][1]
            print(f"{'met   ' if cost >= aim else 'missed'} {name}: {cost:.0f} records per CPU second; the aim is {aim:.0f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--program", type=pathlib.Path)
    parser.add_argument("--rdkafka", type=pathlib.Path, help="librdkafka's rdkafka_performance")
    parser.add_argument("--records", type=int, default=5_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    options = parser.parse_args()
    options.program = options.program or built("moldau")
    Bench(options).run()


if __name__ == "__main__":
    main()
