#!/usr/bin/env python3
"""Kills an application with much state under load, and measures how soon it works again.

    kill_large_state.py [--program PATH] [--mebibytes N] [--kills N] [--cache MIB] [--seconds S] [--share S]
                        [--directory DIR]

`recovery load` fills a store with N MiB of random bytes, and then keeps changing it. While it does so it is killed with
SIGKILL and started again, as often as --kills says. Prints the time from the start of the process to the state
`running`, and how many records of the changelog were replayed. Fails if a start took longer than --seconds, or if a
larger share of the changelog than --share was replayed.
"""

import argparse
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time

VALUE_BYTES = 1_000


class Load:
    """A run of `recovery load`."""

    def __init__(self, command):
        self.began = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def wait_for(self, what):
        """The seconds until the program prints that, and what it printed before."""
        said = []
        for line in self.process.stdout:
            if line.startswith(what):
                return time.monotonic() - self.began, said
            said.append(line.strip())
        sys.exit(f"the application ended before it said '{what}': status {self.process.wait()}, {said}")

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


def size_of(directory):
    return sum(os.path.getsize(os.path.join(path, name)) for path, _, names in os.walk(directory) for name in names)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--program", default=".build/release/recovery")
    options.add_argument("--mebibytes", type=int, default=1_024)
    options.add_argument("--kills", type=int, default=3)
    options.add_argument("--cache", type=int, default=256)
    options.add_argument("--seconds", type=float, default=2.0)
    options.add_argument("--share", type=float, default=0.1)
    options.add_argument("--load", type=float, default=10, help="seconds of load between kills, at most")
    options.add_argument("--directory", help="where topics and state lie while it runs")
    options = options.parse_args()
    failures = 0
    with tempfile.TemporaryDirectory(prefix="kill-large-state-", dir=options.directory) as directory:
        command = [options.program, "load", "--directory", directory, "--value-bytes", str(VALUE_BYTES)]
        command += ["--records", str((options.mebibytes << 20) // VALUE_BYTES), "--cache", str(options.cache)]
        load = Load(command)
        seconds, _ = load.wait_for("full")
        print(f"filled in {seconds:.0f} s", flush=True)
        for kill in range(1, options.kills + 1):
            time.sleep(random.uniform(options.load / 2, options.load))
            load.kill()
            state, topics = (size_of(os.path.join(directory, name)) >> 20 for name in ("state", "topics"))
            load = Load(command)
            seconds, said = load.wait_for("running")
            replays = [re.fullmatch(r"replayed (\d+) of (\d+)", line) for line in said]
            # Without such a line there was nothing to replay.
            replayed, total = next(((int(found[1]), int(found[2])) for found in replays if found), (0, 1))
            print(
                f"kill {kill}: state {state} MiB, topics {topics} MiB; running after {seconds:.2f} s, "
                f"replayed {replayed} of {total} records ({100 * replayed / total:.1f} %); {said}", flush=True)
            failures += seconds > options.seconds or replayed > options.share * total
            load.wait_for("full")
        load.kill()
    print(f"{failures} of {options.kills} restarts were too slow or replayed too much")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
