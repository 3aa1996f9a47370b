"""kcat on librdkafka: metadata, producing under every codec and acks, consuming, groups, errors."""

import subprocess

from cases import Cases, check

cases = Cases()


def kcat(*arguments, text="", seconds=20, fails=False):
    result = subprocess.run(
        ["timeout", str(seconds), "kcat", "-b", cases.address, *arguments], input=text, capture_output=True, text=True)
    check(fails or result.returncode == 0, f"kcat {arguments} ended with {result.returncode}: {result.stderr}")
    return result


def produce(codec, acks):
    topic = f"kcat-{codec}-{acks}"
    lines = "".join(f"k{number}:value {number} of {codec}\n" for number in range(100))
    kcat("-P", "-t", topic, "-K:", "-z", codec, "-X", f"acks={acks}", "-H", "a=1", text=lines)
    read = kcat("-C", "-t", topic, "-e", "-q", "-o", "beginning", "-f", "%k:%s %h\n").stdout
    expected = "".join(f"k{number}:value {number} of {codec} a=1\n" for number in range(100))
    check(read == expected, f"read {read[:200]}")


def metadata():
    check("broker 1 at 127.0.0.1" in kcat("-L").stdout, "the broker is not listed")


def group():
    kcat("-P", "-t", "kcat-group", text="".join(f"{number}\n" for number in range(10)))
    first = kcat("-X", "auto.offset.reset=earliest", "-G", "g", "-c", "4", "kcat-group").stdout
    second = kcat("-X", "auto.offset.reset=earliest", "-G", "g", "-c", "6", "kcat-group").stdout
    check((first + second).split() == [str(number) for number in range(10)], f"read {first!r} and {second!r}")


def too_large():
    result = kcat(
        "-P", "-t", "kcat-large", "-X", "message.max.bytes=5000000", text="x" * 2_000_000 + "\n", fails=True)
    check("too large" in result.stderr.lower(), result.stderr)


def out_of_range():
    kcat("-P", "-t", "kcat-range", text="one\n")
    read = kcat("-C", "-t", "kcat-range", "-p", "0", "-o", "100", "-e", "-X", "auto.offset.reset=earliest", fails=True)
    check(read.stdout == "one\n", f"{read.stdout!r} {read.stderr!r}")


def idempotent():
    kcat("-P", "-t", "kcat-idempotent", "-X", "enable.idempotence=true", text="a\nb\n")
    check(kcat("-C", "-t", "kcat-idempotent", "-e", "-q", "-o", "beginning").stdout == "a\nb\n", "not what was written")


def timestamps():
    kcat("-P", "-t", "kcat-times", text="a\n")
    check(kcat("-Q", "-t", "kcat-times:0:-1").stdout.strip().endswith("offset 1"), "the end is not 1")


def restarted():
    read = kcat("-C", "-t", "kcat-none-all", "-e", "-q", "-o", "beginning").stdout
    check(len(read.splitlines()) == 100, f"{len(read.splitlines())} records after the restart")
    kcat("-P", "-t", "kcat-group", text="10\n")
    read = kcat("-X", "auto.offset.reset=earliest", "-G", "g", "-c", "1", "kcat-group").stdout
    check(read == "10\n", f"the group went on with {read!r}")


if cases.phase == "first":
    cases.run("metadata", metadata)
    for codec in ["none", "gzip", "snappy", "lz4", "zstd"]:
        for acks in ["0", "1", "all"]:
            cases.run(f"produce and consume, {codec}, acks={acks}", lambda: produce(codec, acks))
    cases.run("consume as a group", group)
    cases.run("a record that is too large", too_large)
    cases.run("an offset out of range", out_of_range)
    cases.run("idempotent", idempotent)
    cases.run("offsets at times", timestamps)
else:
    cases.run("records and positions after a restart", restarted)
cases.end()
