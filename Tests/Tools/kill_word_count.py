#!/usr/bin/env python3
"""Kills `word-count --data` at random moments, restarts it, and checks its counts at the end.

    kill_word_count.py [--program PATH] [--kills N] [--seed N] [--words N] [--threads N] [--longest SECONDS]
                       [--guarantee at-least-once|exactly-once]

At least once is promised: after any number of kills no word may be counted less often than it occurs. A restart may
count records again that were processed but not committed when the program was killed, and must replay the changelog from
its store's offset, not from the beginning. With exactly once, no word may be counted more often either. All randomness
comes from the seed, which is printed (but when a kill hits also depends on the machine).
"""

import argparse
import glob
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


def changelog_bytes(data):
    """The size of the application's changelogs, which grows with each commit."""
    return sum(os.path.getsize(path) for path in glob.glob(os.path.join(data, "**", "*-changelog-*", "*.log"), recursive=True))


def run_killed(command, data, rng, longest):
    """Runs the command and kills it: one time in five while it starts, otherwise up to `longest` seconds after it has
    committed for the first time, however slow the machine is.

    Returns whether it was still running then, and what it printed."""
    before = changelog_bytes(data)
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if rng.random() >= 0.2:
        limit = time.monotonic() + 60
        while process.poll() is None and changelog_bytes(data) == before:
            if time.monotonic() > limit:
                process.kill()
                sys.exit(f"nothing was committed within a minute: {process.communicate()[1]}")
            time.sleep(0.002)
    time.sleep(rng.uniform(0, longest))
    was_running = process.poll() is None
    if was_running:
        process.send_signal(signal.SIGKILL)
    said = process.communicate()[1]
    if not was_running and process.returncode != 0:
        sys.exit(f"the program failed: {said}")
    return was_running, said


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--program", default=".build/release/word-count")
    options.add_argument("--kills", type=int, default=20)
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options.add_argument("--words", type=int, default=2_000_000)
    options.add_argument("--longest", type=float, default=1.0, help="seconds that a run lives at most after its first commit")
    options.add_argument("--threads", type=int, default=1)
    options.add_argument("--guarantee", default="at-least-once", choices=["at-least-once", "exactly-once"])
    options = options.parse_args()
    print(f"seed {options.seed}, {options.words} words", flush=True)
    rng = random.Random(options.seed)
    with tempfile.TemporaryDirectory(prefix="kill-word-count-") as directory:
        text, output = os.path.join(directory, "text"), os.path.join(directory, "counts.tsv")
        write_text(text, options.words, rng)
        data = os.path.join(directory, "data")
        expected = count_words.count([text])
        command = [options.program, text, "--data", data, "--output", output]
        command += ["--top", "0", "--threads", str(options.threads), "--write-behind-interval", "150"]
        command += ["--guarantee", options.guarantee]
        kills, replays = 0, []
        for _ in range(options.kills * 10):
            was_running, said = run_killed(command, data, rng, options.longest)
            replays += REPLAY.findall(said)
            print(f"{'killed' if was_running else 'done'}; {said.strip() or 'said nothing'}", flush=True)
            kills += was_running
            if kills == options.kills:
                break
            if not was_running:
                # Everything is counted: add text, so that there is something to interrupt.
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
    # Of many kills, many hit between a commit and its write-behind, and some after a first write-behind.
    never = kills >= 10 and (len(replays) < kills / 10 or beyond == 0)
    if never:
        print("the kills did not hit: too few restarts replayed, or none from the store's own offset")
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
