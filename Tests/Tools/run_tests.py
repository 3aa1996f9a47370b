#!/usr/bin/env python3
"""Builds the tests, and runs them in several processes at once.

    run_tests.py [option of the test program ...]

A process runs its tests on as many threads as the machine has processors, and many tests block theirs while they wait for
a program, a broker or a lock. In one process with them, tests of asynchronous clients would wait for those threads
until their time is over. So they have a process of their own, and so have the tests that mostly wait.
"""

import os
import pathlib
import subprocess
import sys
import threading

ROOT = pathlib.Path(__file__).resolve().parents[2]
ASYNCHRONOUS = ["MoldauClient", "MoldauConsole", "MoldauMetrics"]
WAITING = ["MoldauServer", "MoldauCLI", "MoldauClusterKafka", "Agreement", "Examples", "MoldauSettings"]
COMPUTING = ["Conformance", "MoldauSimulation", "MoldauWire", "MoldauLog", "Fuzz"]
# Known to Swift Testing from Swift 6.3 on; earlier ones run all tests at once.
os.environ.setdefault("SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH", "6")
output = threading.Lock()


def pattern(modules):
    return f"^({'|'.join(modules)})Tests[.]"


def run(program, options, results):
    """Runs some of the tests; whole lines of what they print are passed on."""
    command = [program, "--testing-library", "swift-testing", "--quiet", *options, *sys.argv[1:]]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    for line in process.stdout:
        with output:
            sys.stdout.buffer.write(line)
            sys.stdout.buffer.flush()
    results.append(process.wait())


subprocess.run(["swift", "build", "--quiet", "--build-tests"], cwd=ROOT, check=True)
folder = subprocess.run(["swift", "build", "--show-bin-path"], cwd=ROOT, check=True, capture_output=True, text=True)
program = pathlib.Path(folder.stdout.strip()) / "moldauPackageTests.xctest"
if not program.is_file():
    # Elsewhere than on Linux it is a bundle.
    sys.exit(subprocess.run(["swift", "test", "--quiet", *sys.argv[1:]], cwd=ROOT).returncode)
results = []
threads = [
    threading.Thread(target=run, args=(program, options, results)) for options in [
        ["--filter", pattern(ASYNCHRONOUS)], ["--filter", pattern(WAITING)], ["--filter", pattern(COMPUTING)],
        ["--skip", pattern(ASYNCHRONOUS + WAITING + COMPUTING)]]]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
sys.exit(next((status for status in results if status), 0))
