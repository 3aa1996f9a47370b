#!/usr/bin/env python3
"""Kills `word-count --data` at random moments, restarts it, and checks what it has counted in the end.

    kill_word_count.py [--program PATH] [--kills N] [--seed N] [--words N] [--threads N] [--longest SECONDS]
                       [--guarantee at-least-once|exactly-once]

At least once is promised: after any number of kills no word may be counted less often than it occurs. A restart may
count again what was processed and not committed when it was killed, and replays the changelog from where its store
stands, not from the beginning. With exactly once, no word may be counted more often either. All randomness comes from the seed, which is printed (when a kill hits depends on the
machine too).
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

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import count_words  # noqa: E402

REPLAY = re.compile(r"replayed (\d+) records of (\S+), from the store's own offset (\d+) to (\d+)(.*)")


def write_text(path, word_count, rng):
    vocabulary = [f"word{n}" for n in range(5_000)] + ["Äpfel", "naïve", "日本", "🙂"]
    with open(path, "w", encoding="utf-8") as file:
        left = word_count
        while left > 0:
            length = min(left, rng.randint(1, 12))
            file.write(" ".join(vocabulary[int(len(vocabulary) * rng.random() ** 3)] for _ in range(length)) + "\n")
            left -= length


def read_counts(path):
    with open(path, "rb") as file:
        rows = (line.rsplit(b"\t", 1) for line in file.read().split(b"\n") if line)
        return {word.decode("utf-8"): int(number) for word, number in rows}


def run_killed(command, delay):
    """Runs the command for `delay` seconds; returns whether it was still at work then, and what it said."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    time.sleep(delay)
    was_running = process.poll() is None
    if was_running:
        process.send_signal(signal.SIGKILL)
    said = process.communicate()[1]
    if not was_running and process.returncode != 0:
        sys.exit(f"word-count failed: {said}")
    return was_running, said


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--program", default=".build/release/word-count")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options.add_argument("--words", type=int, default=2_000_000)
    options.add_argument("--longest", type=float, default=1.0, help="seconds that a run lives at most")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--guarantee", default="at-least-once", choices=["at-least-once", "exactly-once"])
    options = options.parse_args()
    print(f"seed {options.seed}, {options.words} words", flush=True)
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="kill-word-count-") as directory:
        text, output = os.path.join(directory, "text"), os.path.join(directory, "counts.tsv")
        write_text(text, options.words, rng)
        expected = count_words.count([text])
        command = [options.program, text, "--data", os.path.join(directory, "data"), "--output", output]
        command += ["--top", "0", "--threads", str(options.threads), "--write-behind-interval", "150"]
        command += ["--guarantee", options.guarantee]
        kills, replays = 0, []
        for attempt in range(options.kills * 3):
            delay = rng.uniform(0.05, options.longest)
            was_running, said = run_killed(command, delay)
            replays += REPLAY.findall(said)
            end = "killed" if was_running else "done"
            print(f"{end} after {delay:.2f} s; {said.strip() or 'said nothing'}", flush=True)
            kills += was_running
            if kills == options.kills:
                break
            if not was_running:
                # All is counted: more text, so that there is something to interrupt.
                with open(text, "ab") as more, open(text, "rb") as same:
                    more.write(same.read(4 << 20).rpartition(b"\n")[0] + b"\n")
                expected = count_words.count([text])
        final = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if final.returncode != 0:
            sys.exit(f"the last run failed: {final.stderr}")
        print(f"last run: {final.stderr.strip()}")
        replays += REPLAY.findall(final.stderr)
        return report(options.guarantee, expected, read_counts(output), kills, replays)


def report(guarantee, expected, counted, kills, replays):
    under = {word: (n, counted.get(word, 0)) for word, n in expected.items() if counted.get(word, 0) < n}
    strange = sorted(set(counted) - set(expected))
    over = sum(counted.values()) - sum(expected.values())
    rebuilt = [replay for replay in replays if replay[4].strip()]
    beyond = sum(int(replay[2]) > 0 for replay in replays)
    print(f"{kills} kills; {len(replays)} replays, {beyond} of them from beyond offset 0")
    # With several kills, some come after the store was first written.
    never = len(replays) > 2 and beyond == 0
    if never:
        print("no restart went on from the store's own offset")
    total = sum(expected.values())
    print(f"{total} words in the text; {over} counted twice; {len(under)} under-counted; {len(strange)} strange")
    for word, (number, got) in list(under.items())[:5]:
        print(f"  {word}: {number} in the text, {got} counted")
    for replay in rebuilt:
        print(f"  rebuilt from the beginning: {replay}")
    twice = guarantee == "exactly-once" and counted != expected
    return 1 if under or strange or rebuilt or never or twice else 0


if __name__ == "__main__":
    sys.exit(main())
