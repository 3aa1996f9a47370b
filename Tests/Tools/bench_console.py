#!/usr/bin/env python3
"""Measures a console: look-ups of one key over HTTP, and many open event streams.

    bench_console.py [--url URL] [--seconds S] [--streams N] [--only WORD]

Runs `demo` (release build), or asks a console of this machine that runs already. Look-ups are made by Debian's `wrk`, on the
same processors as the server, whose own processor time is told as well. Half of the streams follow `/updates`, half the
changes of a table. Ends with 1 if a figure is below its aim, with 2 if `wrk` is missing.
"""

import argparse
import json
import os
import pathlib
import re
import resource
import selectors
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from broker_process import built  # noqa: E402

LOOKUPS_AIM = 20_000
CONNECTIONS = 64
# Streams that are opened at a time: the kernel keeps so many connections that the server has not accepted yet.
BURST = 200
TICKS = os.sysconf("SC_CLK_TCK")


class Server:
    """A console, and the process that has it."""

    def __init__(self, url):
        self.process = None
        if not url:
            program = built("demo")
            self.process = subprocess.Popen([program, "--console", "0"], stdout=subprocess.PIPE, text=True)
            url = re.search(r"http://\S+", self.process.stdout.readline())[0]
        self.url = url.rstrip("/")
        parts = urllib.parse.urlsplit(self.url)
        self.address = (parts.hostname, parts.port)
        self.pid = self.process.pid if self.process else listener(parts.port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process:
            self.process.terminate()
            self.process.wait()

    def get(self, path):
        with urllib.request.urlopen(self.url + path, timeout=30) as reply:
            return json.load(reply)

    @property
    def cpu_seconds(self):
        fields = pathlib.Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    @property
    def resident_mib(self):
        return int(re.search(r"VmRSS:\s+(\d+)", pathlib.Path(f"/proc/{self.pid}/status").read_text())[1]) / 1024


def listener(port):
    """The process that listens at a port of this machine."""
    lines = [line.split() for line in pathlib.Path("/proc/net/tcp").read_text().splitlines()[1:]]
    inodes = {f"socket:[{line[9]}]" for line in lines if line[3] == "0A" and line[1].endswith(f":{port:04X}")}
    for file in pathlib.Path("/proc").glob("[0-9]*/fd/*"):
        try:
            if os.readlink(file) in inodes:
                return int(file.parts[2])
        except OSError:
            pass  # It has ended, or is not ours.
    raise SystemExit(f"nobody listens at port {port}")


def some_row(server):
    """A table that changes, and a key that it has."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for store in server.get("/stores")["stores"]:
            name = urllib.parse.quote(store["name"], safe="")
            if store["kind"] != "table" or not store["isQueryable"] or store["isGlobal"]:
                continue
            rows = server.get(f"/stores/{name}/range?limit=1")["entries"]
            if rows and changes(server, name):
                return name, rows[0]["key"]
        time.sleep(0.5)
    raise SystemExit("no table changes")


def changes(server, name):
    """Whether a table changes within some seconds."""
    stream = Streams(server.address, [f"/stores/{name}/changes"])
    stream.read(3)
    stream.close()
    return sum(stream.events.values()) > 0


def lookups(server, options, name, key):
    """Looks one key up, again and again."""
    target = f"/stores/{name}/get?key={urllib.parse.quote(str(key), safe='')}"
    if not server.get(target)["found"]:
        raise SystemExit(f"{target} has no row")
    before, began = server.cpu_seconds, time.monotonic()
    run = subprocess.run(
        ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{options.seconds}s", "--latency",
         server.url + target], check=True, capture_output=True, text=True).stdout
    used, took = server.cpu_seconds - before, time.monotonic() - began
    count = int(re.search(r"(\d+) requests in", run)[1])
    each = count / options.seconds
    tail = re.search(r"99%\s+(\S+)", run)[1]
    print(f"look-ups: {each:,.0f} a second, 99 % within {tail}; {count / used:,.0f} per processor second of the server "
          f"({1e6 * used / count:.0f} µs each), which used {100 * used / took:.0f} % of a processor")
    failed = re.findall(r"Non-2xx.*|Socket errors.*", run)
    for line in failed:
        print(f"  {line}")
    return each >= LOOKUPS_AIM and not failed


class Streams:
    """Event streams that are read as they come."""

    def __init__(self, address, targets):
        self.selector = selectors.DefaultSelector()
        self.events = {}
        self.bytes = self.ended = self.refused = 0
        for place, target in enumerate(targets):
            if place % BURST == 0:
                self.read(0.05)
            connection = socket.create_connection(address, timeout=30)
            connection.sendall(f"GET {target} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            connection.setblocking(False)
            self.events[connection] = 0
            self.selector.register(connection, selectors.EVENT_READ)

    def read(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                text = key.fileobj.recv(1 << 16)
                if not text:
                    self.selector.unregister(key.fileobj)
                    self.ended += 1
                    continue
                self.refused += text.startswith(b"HTTP/1.1 5")
                # An event that is cut in two counts with its second half.
                self.events[key.fileobj] += text.count(b"data: ")
                self.bytes += len(text)

    def begin(self):
        self.events = dict.fromkeys(self.events, 0)
        self.bytes = 0

    def close(self):
        for connection in self.events:
            connection.close()


def streams(server, options, name, _):
    """Opens event streams, and reads them all."""
    targets = ["/updates" if number % 2 else f"/stores/{name}/changes" for number in range(options.streams)]
    idle, began = server.resident_mib, time.monotonic()
    open_streams = Streams(server.address, targets)
    opened = time.monotonic() - began
    open_streams.read(5)
    open_streams.begin()
    before, began = server.cpu_seconds, time.monotonic()
    waits = []
    for _ in range(options.seconds):
        asked = time.monotonic()
        try:
            server.get("/status")
        except OSError as error:
            print(f"  /status has no answer: {error}")
            return False
        waits.append(time.monotonic() - asked)
        open_streams.read(1)
    took, used = time.monotonic() - began, server.cpu_seconds - before
    counts = sorted(open_streams.events.values())
    with_all = server.resident_mib
    open_streams.close()
    print(f"streams: {options.streams:,} opened in {opened:.1f} s; {sum(counts) / took:,.0f} events and "
          f"{open_streams.bytes / took / 1e6:.1f} MB a second; the server used {100 * used / took:.0f} % of a processor and "
          f"{with_all - idle:.0f} MiB more ({1024 * (with_all - idle) / options.streams:.0f} KiB each); each stream got "
          f"{counts[0]} to {counts[-1]} events in {took:.0f} s; /status took at most {1_000 * max(waits):.0f} ms")
    if open_streams.ended or open_streams.refused:
        print(f"  {open_streams.refused} streams were refused, {open_streams.ended} ended")
    return not open_streams.ended and not open_streams.refused and counts[0] > 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--url", help="the address of a console on this machine; without it demo is built and run")
    parser.add_argument("--seconds", type=int, default=10, help="how long each part is measured")
    parser.add_argument("--streams", type=int, default=5_000)
    parser.add_argument("--only", choices=["lookups", "streams"])
    options = parser.parse_args()
    if options.only != "streams" and not shutil.which("wrk"):
        print("missing: Debian's wrk")
        return 2
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with Server(options.url) as server:
        row = some_row(server)
        parts = [part for part in (lookups, streams) if options.only in (None, part.__name__)]
        return 0 if all([part(server, options, *row) for part in parts]) else 1


if __name__ == "__main__":
    sys.exit(main())
