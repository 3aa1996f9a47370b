#!/usr/bin/env python3
"""Compares the cost of each step of a record with the thresholds in Tests/StepCosts/thresholds.json.

    check_costs.py PROGRAM [--records 20000] [--write] [STEP ...]

Instructions are counted by valgrind's callgrind, which varies little between two runs; allocations are counted exactly, by the
program itself. A step fails if it takes over a tenth more instructions than its threshold, or one allocation more in a hundred
records. `--write` makes the measured values the new thresholds.
"""

import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

THRESHOLDS = pathlib.Path(__file__).parent.parent / "StepCosts" / "thresholds.json"


def measured(program, step, records):
    plain = subprocess.run([program, step, str(records)], capture_output=True, text=True, check=True).stdout
    fields = dict(zip(plain.split()[::2], plain.split()[1::2]))
    counted = subprocess.run(
        ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=no",
         "--toggle-collect=*measuredPart*", program, step, str(records)],
        capture_output=True, text=True)
    collected = re.search(r"Collected : (\d+)", counted.stderr)
    if counted.returncode != 0 or not collected or int(collected[1]) == 0:
        sys.exit(f"valgrind did not count the instructions of {step}:\n{counted.stderr[-2000:]}")
    return {
        "instructions": round(int(collected[1]) / records, 1),
        "allocations": float(fields["allocations_per_record"]),
    }, float(fields["ns_per_record"])


def main():
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("program")
    arguments.add_argument("steps", nargs="*")
    arguments.add_argument("--records", type=int, default=20000)
    arguments.add_argument("--write", action="store_true")
    given = arguments.parse_args()
    if not shutil.which("valgrind"):
        sys.exit("this needs valgrind: apt-get install valgrind")
    with tempfile.TemporaryDirectory() as folder:
        # Without debugging information, which valgrind reads slowly or not at all.
        program = os.path.join(folder, "step-costs")
        subprocess.run(["strip", "-g", "-o", program, given.program], check=True)
        steps = given.steps or subprocess.run([program], capture_output=True, text=True, check=True).stdout.split()
        thresholds = json.loads(THRESHOLDS.read_text()) if THRESHOLDS.exists() else {}
        failed = []
        print(f"{'step':<18}{'instructions':>14}{'threshold':>11}{'allocations':>13}{'threshold':>11}{'ns':>9}")
        for step in steps:
            cost, nanoseconds = measured(program, step, given.records)
            limit = cost if given.write else thresholds.get(step)
            if limit is None:
                sys.exit(f"{step} has no threshold: run this with --write, and look at what it wrote")
            isOver = (
                cost["instructions"] > limit["instructions"] * 1.1
                or cost["allocations"] > limit["allocations"] + 0.01)
            if isOver:
                failed.append(step)
            print(
                f"{step:<18}{cost['instructions']:>14.1f}{limit['instructions']:>11.1f}"
                f"{cost['allocations']:>13.4f}{limit['allocations']:>11.4f}{nanoseconds:>9.1f}"
                + ("  over its threshold" if isOver else ""), flush=True)
            thresholds[step] = limit
        if given.write:
            THRESHOLDS.write_text(json.dumps(thresholds, indent=2) + "\n")
        if failed:
            sys.exit(f"over their thresholds: {', '.join(failed)}")
        print(f"{len(steps)} steps within their thresholds")


if __name__ == "__main__":
    main()
