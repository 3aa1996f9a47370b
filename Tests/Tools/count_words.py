#!/usr/bin/env python3
"""Counts words independently: the output of `word-count --output` must be the same.

    count_words.py FILE... > counts.tsv

A word is a maximal run of characters that are not white space by Unicode's property White_Space, lower case
character by character, as Swift does it. Prints `word<TAB>count`, sorted by the words' bytes.
"""

import collections
import re
import sys

WHITE_SPACE = re.compile("[\t-\r \x85\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]+")


def count(paths):
    counts = collections.Counter()
    for path in paths:
        with open(path, "rb") as file:
            for line in file.read().split(b"\n"):
                text = "".join(map(str.lower, line.decode("utf-8", errors="replace")))
                counts.update(word for word in WHITE_SPACE.split(text) if word)
    return counts


if __name__ == "__main__":
    rows = sorted((word.encode("utf-8"), number) for word, number in count(sys.argv[1:]).items())
    for word, number in rows:
        sys.stdout.buffer.write(word + b"\t%d\n" % number)
