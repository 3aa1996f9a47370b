"""`moldau broker` as a process of its own: what the tools here and the tests with real clients start, kill and look at."""

import pathlib
import re
import signal
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLIENTS_FOLDER = ROOT / ".build" / "clients"
PACKAGES = ["confluent-kafka", "kafka-python", "aiokafka", "crc32c", "python-snappy", "lz4", "zstandard"]


def python_with_clients(folder=CLIENTS_FOLDER):
    """Installs the Python clients from PyPI into a folder, if they are not there, and returns the Python that has them."""
    python = folder / "venv" / "bin" / "python"
    if not (folder / "installed").exists():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "venv", folder / "venv"], check=True)
        subprocess.run([python, "-m", "pip", "--quiet", "install", *PACKAGES], check=True)
        (folder / "installed").touch()
    return python


def built(product, configuration="release"):
    """Builds a product of the package, and returns the path of its program."""
    command = ["swift", "build", "-c", configuration]
    subprocess.run([*command, "--quiet", "--product", product], check=True, cwd=ROOT)
    folder = subprocess.run([*command, "--show-bin-path"], check=True, cwd=ROOT, capture_output=True, text=True)
    return pathlib.Path(folder.stdout.strip()) / product


class BrokerProcess:
    """A broker on a data directory; it is started again on the same port."""

    def __init__(self, program, data, *options):
        self.program, self.data, self.options, self.port = str(program), str(data), list(options), 0
        self.process = None

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.kill()

    def start(self):
        command = [
            self.program, "broker", "--data", self.data, "--listen", f"127.0.0.1:{self.port}", *self.options]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        found = re.search(r"listening on 127\.0\.0\.1:(\d+)", line)
        if found is None:
            raise SystemExit(f"the broker does not start: {line}")
        self.port = int(found.group(1))

    @property
    def pid(self):
        return self.process.pid

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def kill(self):
        """As in a crash."""
        self.process.kill()
        self.process.wait()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        if self.process.wait(timeout=30) != 0:
            raise SystemExit(f"the broker ended with {self.process.returncode}")

    def mebibytes(self, field="RssAnon"):
        """Its memory, by a field of /proc/PID/status: `RssAnon` is what is not mapped from files."""
        for line in pathlib.Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith(field + ":"):
                return int(line.split()[1]) / 1024
        raise SystemExit(f"the broker is gone: there is no {field}")
