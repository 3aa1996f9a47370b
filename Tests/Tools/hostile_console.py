#!/usr/bin/env python3
"""Asks a running console what nobody should ask: requests of any shape by its own description, and readers that do not read.

    hostile_console.py [--url URL] [--examples N] [--streams N]

Runs against `make demo`, for example. Needs PyPI's schemathesis; without it the first part is left out, and the exit code
is 2. Exits with 1 if the console answers what it should not, grows, or does not answer afterwards.
"""

import argparse
import json
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request


def schemathesis(url, examples):
    """Requests made from the description: every answer must be one that it names, and none a failure of the server."""
    if subprocess.run([sys.executable, "-c", "import schemathesis"], capture_output=True).returncode:
        print("schemathesis is missing: pip install schemathesis")
        return None
    run = [
        sys.executable, "-m", "schemathesis.cli", "run", "openapi.json", "--url", url,
        # Streams without an end.
        "--exclude-path", "/updates", "--exclude-path", "/stores/{store}/changes",
        "--phases", "examples,coverage,fuzzing", "--max-examples", str(examples), "--request-timeout", "30",
        # 503 is an answer: not ready, restoring, timed out.
        "--checks", "response_schema_conformance,content_type_conformance,status_code_conformance,unsupported_method",
    ]
    # Once with any names, once with those of the stores and topics that there are. It writes what it has found into the
    # folder that it runs in.
    description = fetched(url, "/openapi.json")
    conforms = True
    for names in ({}, {kind: [one["name"] for one in fetched(url, f"/{kind}s")[f"{kind}s"]] for kind in ("store", "topic")}):
        for operation in description["paths"].values():
            for parameter in operation["get"].get("parameters", []):
                if parameter["in"] == "path" and parameter["name"] in names:
                    parameter["schema"] = {"enum": names[parameter["name"]]}
        with tempfile.TemporaryDirectory() as folder:
            pathlib.Path(folder, "openapi.json").write_text(json.dumps(description), encoding="utf-8")
            conforms = subprocess.run(run, cwd=folder).returncode == 0 and conforms
    return conforms


def fetched(url, path):
    with urllib.request.urlopen(url + path, timeout=30) as reply:
        return json.load(reply)


def status(url, path):
    try:
        with urllib.request.urlopen(url + path, timeout=30) as reply:
            reply.read()
            return reply.status
    except urllib.error.HTTPError as error:
        json.loads(error.read() or b"{}")
        return error.code


def raw(address, request):
    """The first line of the answer to these bytes; None if the connection is closed without one."""
    with socket.create_connection(address, timeout=10) as connection:
        connection.sendall(request)
        try:
            return connection.recv(4_096).split(b"\r\n")[0].decode() or None
        except OSError:
            return None


def requests_by_hand(url, address):
    """What no library would send. Each must be refused, and nothing may come of it."""
    wrong = []
    for name, request in {
        "no request": b"\x16\x03\x01\x02\x00\x01\x00\x01",
        "no host": b"GET /status HTTP/1.1\r\n\r\n",
        "another host": b"GET /status HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        "a long path": b"GET /" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "many headers": b"GET / HTTP/1.1\r\nHost: localhost\r\n" + b"a: b\r\n" * 2_000 + b"\r\n",
        "a long header": b"GET / HTTP/1.1\r\nHost: localhost\r\na: " + b"b" * 90_000 + b"\r\n\r\n",
        "two lengths": b"GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
        "a bad escape": b"GET /stores/%zz HTTP/1.1\r\nHost: localhost\r\n\r\n",
        "a null": b"GET /stores/a\x00b HTTP/1.1\r\nHost: localhost\r\n\r\n",
    }.items():
        line = raw(address, request)
        if line is not None and " 4" not in line:
            wrong.append(f"{name}: {line}")
    stores = fetched(url, "/stores")["stores"]
    for store in stores:
        name = urllib.parse.quote(store["name"], safe="")
        for path in ["range?limit=1000", "windows?limit=1000", "sessions?limit=1000", "prefix?prefix=&limit=1000", "get?key=%00"]:
            if (code := status(url, f"/stores/{name}/{path}")) >= 500:
                wrong.append(f"/stores/{name}/{path}: {code}")
    return wrong


def streams_that_nobody_reads(address, count):
    """Opens streams and leaves them. Returns how many were accepted, and how many were closed after a while."""
    sockets = []
    for _ in range(count):
        connection = socket.create_connection(address, timeout=10)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1_024)
        connection.sendall(b"GET /updates HTTP/1.1\r\nHost: localhost\r\n\r\n")
        sockets.append(connection)
    time.sleep(5)
    return sockets


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--url", default="http://localhost:8080")
    parser.add_argument("--examples", type=int, default=50, help="requests of each kind")
    parser.add_argument("--streams", type=int, default=500, help="event streams that are opened and not read")
    options = parser.parse_args()
    url = options.url.rstrip("/")
    parts = urllib.parse.urlsplit(url)
    address = (parts.hostname, parts.port or 80)
    wrong = requests_by_hand(url, address)
    sockets = streams_that_nobody_reads(address, options.streams)
    began = time.monotonic()
    if status(url, "/status") != 200:
        wrong.append("no status while streams are open")
    print(f"{len(sockets)} streams open; /status took {1_000 * (time.monotonic() - began):.0f} ms")
    for connection in sockets:
        connection.close()
    conforms = schemathesis(url, options.examples)
    if conforms is False:
        wrong.append("schemathesis found answers that are not as described")
    if status(url, "/live") != 200:
        wrong.append("the console does not answer any more")
    print("\n".join(wrong) or "every answer was as it should be")
    sys.exit(1 if wrong else 2 if conforms is None else 0)


if __name__ == "__main__":
    main()
