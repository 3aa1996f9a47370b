#!/usr/bin/env python3
"""Kills `bank-transfer --data` at random moments, restarts it, and checks every balance at the end.

    kill_bank_transfer.py [--program PATH] [--kills N] [--seed N] [--transfers N] [--accounts N] [--threads N]

The balances are computed here from the same seed, with separate code. Exactly once is promised: each balance must match
the transfers, and the sum of all must be 0.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from kill_word_count import run_killed  # noqa: E402

MASK = (1 << 64) - 1


def transfers(seed, accounts, count):
    state = seed

    def draw(limit):
        nonlocal state
        state = (state + 0x9E3779B97F4A7C15) & MASK
        mixed = state
        mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & MASK
        mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & MASK
        return (mixed ^ (mixed >> 31)) % limit

    for _ in range(count):
        yield draw(accounts), draw(accounts), 1 + draw(100_000)


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--program", default=".build/release/bank-transfer")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options.add_argument("--transfers", type=int, default=300_000)
    options.add_argument("--accounts", type=int, default=1_000)
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--longest", type=float, default=0.6, help="seconds that a run lives at most after its first commit")
    options = options.parse_args()
    print(f"seed {options.seed}, {options.transfers} transfers", flush=True)
    rng = random.Random(options.seed)
    count, kills = options.transfers, 0
    with tempfile.TemporaryDirectory(prefix="kill-bank-transfer-") as directory:
        data, output = os.path.join(directory, "data"), os.path.join(directory, "balances.tsv")

        def command():
            return [
                options.program, "--data", data, "--output", output,
                "--transfers", str(count), "--accounts", str(options.accounts), "--seed", str(options.seed),
                "--threads", str(options.threads), "--write-behind-interval", "150", "--guarantee", "exactly-once",
            ]

        for _ in range(options.kills * 10):
            was_running, _ = run_killed(command(), data, rng, options.longest)
            kills += was_running
            if kills == options.kills:
                break
            if not was_running:
                # Everything is done: add transfers, so that there is something to interrupt.
                count += options.transfers // 4
        final = subprocess.run(command(), capture_output=True, text=True)
        print(final.stdout.strip())
        if final.returncode != 0:
            sys.exit(f"the last run failed: {final.stderr}")
        with open(output, encoding="utf-8") as file:
            balances = {int(account): int(cents) for account, cents in (line.split("\t") for line in file)}
    expected = {}
    for source, target, cents in transfers(options.seed, options.accounts, count):
        expected[source] = expected.get(source, 0) - cents
        expected[target] = expected.get(target, 0) + cents
    wrong = [account for account in expected.keys() | balances.keys() if expected.get(account) != balances.get(account)]
    print(f"{kills} kills; {count} transfers; {len(wrong)} balances are wrong; the sum is {sum(balances.values())}")
    return 1 if wrong or sum(balances.values()) != 0 or kills < options.kills else 0


if __name__ == "__main__":
    sys.exit(main())
