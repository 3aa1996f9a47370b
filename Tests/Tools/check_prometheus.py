#!/usr/bin/env python3
"""Reads the metrics of a running application with Prometheus' own parser, and compares them with the documentation.

    check_prometheus.py [file]

Without a file with the text of an application, runs `bench w1` on made-up words for some seconds (release build). The
parser is installed from PyPI into .build/prometheus.
"""

import pathlib
import re
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / ".build" / "prometheus"
PACKAGE = "prometheus_client"


def python_with_parser():
    python = FOLDER / "bin" / "python"
    if not (FOLDER / "installed").exists():
        subprocess.run([sys.executable, "-m", "venv", FOLDER], check=True)
        subprocess.run([python, "-m", "pip", "--quiet", "install", PACKAGE], check=True)
        (FOLDER / "installed").touch()
    return python


def measured():
    """The text of an application that has counted words."""
    sys.path.insert(0, str(ROOT / "Tests" / "Tools"))
    from broker_process import built

    program = built("bench")
    with tempfile.TemporaryDirectory() as folder:
        lines = 400_000
        with open(f"{folder}/words.txt", "w", encoding="utf-8") as file:
            for number in range(lines):
                file.write(" ".join(f"word{(number * 31 + place * 7919) % 50_000}" for place in range(10)) + "\n")
        text = f"{folder}/metrics.txt"
        run = subprocess.run(
            [program, "w1", "--input", folder, "--limit", str(lines), "--metrics", text], check=True,
            capture_output=True, text=True)
        print(run.stdout, end="")
        return pathlib.Path(text).read_text(encoding="utf-8")


def documented():
    """The type and the labels of each metric, by name."""
    found = {}
    for row in (ROOT / "Docs" / "Operating.md").read_text(encoding="utf-8").splitlines():
        if row.startswith("| `moldau_"):
            cells = [cell.strip() for cell in row.split("|")[1:-1]]
            found[cells[0].strip("`")] = (cells[1], set(re.findall("`([a-z]+)`", cells[3])))
    return found


def check(text):
    """One sentence for each line that is not as documented."""
    from prometheus_client.parser import text_string_to_metric_families

    metrics, seen = documented(), 0
    for family in text_string_to_metric_families(text):
        # The parser takes the suffix off a counter's name.
        name = family.name + ("_total" if family.type == "counter" else "")
        if name not in metrics:
            yield f"{name} is not in Docs/Operating.md"
            continue
        kind, labels = metrics[name]
        if family.type != kind:
            yield f"{name} is a {family.type}, not a {kind}"
        for sample in family.samples:
            seen += 1
            names = set(sample.labels) - {"application"}
            if sample.name == name and kind == "summary":
                names -= {"quantile"}
            if names != labels or "application" not in sample.labels:
                yield f"{sample.name} has the labels {sorted(sample.labels)}"
            if kind == "counter" and not sample.value >= 0:
                yield f"{sample.name} is {sample.value}"
    if text.count("moldau_thread_process_total{") < 1:
        yield "no thread has told anything"
    print(f"{seen} numbers read")


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ["--parse"]:
        complaints = list(check(pathlib.Path(arguments[1]).read_text(encoding="utf-8")))
        for complaint in complaints:
            print(complaint)
        sys.exit(1 if complaints else 0)
    text = pathlib.Path(arguments[0]).read_text(encoding="utf-8") if arguments else measured()
    with tempfile.NamedTemporaryFile("w", suffix=".txt", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        sys.exit(subprocess.run([python_with_parser(), __file__, "--parse", file.name], check=False).returncode)


if __name__ == "__main__":
    main()
