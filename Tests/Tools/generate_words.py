#!/usr/bin/env python3
"""Writes an input for `bench w1` with a vocabulary of any size, and the expected sums.

    generate_words.py FOLDER [--vocabulary 10000000] [--lines 500000]

Lines have ten words on average, drawn by Zipf's law. The same arguments always give the same files: words.txt and
EXPECTED.txt.
"""

import argparse
import bisect
import itertools
import os
import random


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("folder")
    arguments.add_argument("--vocabulary", type=int, default=10_000_000)
    arguments.add_argument("--lines", type=int, default=500_000)
    given = arguments.parse_args()
    chance = random.Random(1)
    sums = list(itertools.accumulate(1 / rank for rank in range(1, given.vocabulary + 1)))
    counts = {}
    words = 0
    os.makedirs(given.folder, exist_ok=True)
    with open(os.path.join(given.folder, "words.txt"), "w", buffering=1 << 20) as file:
        for _ in range(given.lines):
            ranks = [bisect.bisect_left(sums, chance.random() * sums[-1]) for _ in range(8 + chance.randrange(5))]
            for rank in ranks:
                counts[rank] = counts.get(rank, 0) + 1
            words += len(ranks)
            # The rank in base 26, so that rarer words are longer; spread, so that words of similar frequency are not
            # neighbours in the store.
            file.write(" ".join(word(rank * 7919 % given.vocabulary) for rank in ranks))
            file.write("\n")
    total = sum(count * (count + 1) // 2 for count in counts.values())
    with open(os.path.join(given.folder, "EXPECTED.txt"), "w") as file:
        file.write(
            f"W1 lines={given.lines} words={words} distinct={len(counts)} updates={words} sumOfEmittedCounts={total}\n")


def word(number):
    letters = "w"
    while number:
        number, rest = divmod(number, 26)
        letters += chr(ord("a") + rest)
    return letters


if __name__ == "__main__":
    main()
