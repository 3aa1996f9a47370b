#!/usr/bin/env python3
"""Cuts the power of a file system under a writer again and again, and checks that nothing acknowledged is lost.

    power_cut.py [--program PATH] [--cuts N] [--seed N] [--longest SECONDS]

Needs root, loop devices and mkfs.ext4. The file system is in an image; the cut is FS_IOC_SHUTDOWN without a flush of the
journal, so that everything unsynced is lost. The writer's output, which is stored outside the image, tells what was
acknowledged and what a reader was given. All of that must be there afterwards, without gaps. The writer is stopped
(SIGSTOP) before a cut, as its machine would be: a sync in progress when ext4 is shut down may return as if it had
succeeded, and in a real power cut nobody would see that. In one cut of ten it lives on, and must end within 5 s; then
only what was printed before the cut counts. Between cuts the writer is also stopped for a moment, or killed without a
cut.
"""

import argparse
import fcntl
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

FS_IOC_SHUTDOWN = 0x8004587D
NO_LOG_FLUSH = 2


class Image:
    def __init__(self, directory):
        self.path, self.mount_point = os.path.join(directory, "image"), os.path.join(directory, "mounted")
        with open(self.path, "wb") as file:
            file.truncate(512 << 20)
        subprocess.run(["mkfs.ext4", "-q", "-F", self.path], check=True)
        os.mkdir(self.mount_point)

    def mount(self):
        subprocess.run(["mount", "-o", "loop", self.path, self.mount_point], check=True)

    def cut(self):
        root = os.open(self.mount_point, os.O_RDONLY)
        fcntl.ioctl(root, FS_IOC_SHUTDOWN, struct.pack("I", NO_LOG_FLUSH))
        os.close(root)

    def unmount(self):
        for _ in range(50):
            if subprocess.run(["umount", self.mount_point], capture_output=True).returncode == 0:
                return
            time.sleep(0.1)
        sys.exit("the image stays mounted")


def follow(process, ends):
    for line in process.stdout:
        what, partition, end = (line.split() + ["", ""])[:3]
        if what in ("acked", "served") and end:
            ends[(what, int(partition))] = max(ends.get((what, int(partition)), 0), int(end))


def threads_of(pid):
    """For each thread, its state (T: stopped, D: in the kernel until a device answers, R, S), and what it waits for there."""
    found = []
    for thread in os.listdir(f"/proc/{pid}/task"):
        with open(f"/proc/{pid}/task/{thread}/stat", encoding="ascii") as stat:
            state = stat.read().rpartition(")")[2].split()[0]
        with open(f"/proc/{pid}/task/{thread}/wchan", encoding="ascii") as wchan:
            found.append((state, wchan.read()))
    return found


def stop(pid):
    """Returns when no thread of the process will do anything more except finish the system call that it is in.

    The signal is everybody's as soon as one thread has taken it. Before, a thread may go on while another, in the
    kernel, has yet to take it.
    """
    os.kill(pid, signal.SIGSTOP)
    while True:
        states = [state for state, _ in threads_of(pid)]
        if "T" in states and all(state in "TD" for state in states):
            return
        time.sleep(0.001)


def run_writer(command, image, ends, rng, longest):
    """Runs the writer until the power is cut or it is killed; returns what happened."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    follower = threading.Thread(target=follow, args=(process, ends))
    follower.start()
    time.sleep(rng.uniform(0.05, longest))
    if rng.random() < 0.3:
        process.send_signal(signal.SIGSTOP)
        time.sleep(rng.uniform(0, 0.2))
        process.send_signal(signal.SIGCONT)
        time.sleep(rng.uniform(0, 0.2))
    if process.poll() is not None:
        sys.exit(f"the writer ended by itself: {process.stderr.read()}")
    choice = rng.random()
    is_cut = choice < 0.9
    said = None
    if choice < 0.8:
        stop(process.pid)
        image.cut()
        process.kill()
    elif is_cut:
        said = dict(ends)
        image.cut()
        # It must notice by itself that its disk is gone, and end.
        try:
            process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            threads = threads_of(process.pid)
            process.kill()
            sys.exit(f"5 s after its disk went away the writer still runs; its threads: {threads}")
        if process.returncode == 0:
            sys.exit("the writer ended well although its disk went away")
    else:
        process.send_signal(signal.SIGKILL)
    process.wait()
    follower.join()
    if said is not None:
        ends.clear()
        ends.update(said)
    return is_cut


def main():
    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--program", default=".build/release/crash-writer")
    options.add_argument("--cuts", type=int, default=100)
    options.add_argument("--durability", default="sync", choices=["sync", "os"], help="with os, records do get lost")
    options.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    options.add_argument("--longest", type=float, default=0.7, help="seconds that a run lives at most")
    options = options.parse_args()
    print(f"seed {options.seed}", flush=True)
    rng = random.Random(options.seed)
    ends, cuts, kills, lost = {}, 0, 0, 0
    with tempfile.TemporaryDirectory(prefix="power-cut-") as directory:
        image = Image(directory)
        data = os.path.join(image.mount_point, "data")
        image.mount()
        try:
            while cuts < options.cuts:
                is_cut = run_writer([options.program, "write", data, options.durability], image, ends, rng, options.longest)
                cuts, kills = cuts + is_cut, kills + (not is_cut)
                if is_cut:
                    image.unmount()
                    image.mount()
                check = subprocess.run([options.program, "verify", data], capture_output=True, text=True)
                if check.returncode != 0:
                    sys.exit(f"after {cuts} cuts and {kills} kills: {check.stderr or check.stdout}")
                held = {int(partition): int(end) for _, partition, end in map(str.split, check.stdout.splitlines())}
                for (what, partition), end in sorted(ends.items()):
                    if held.get(partition, 0) < end:
                        lost += end - held.get(partition, 0)
                        print(f"{what} up to {end} in partition {partition}, held up to {held.get(partition, 0)}")
                    # Unacknowledged records may be lost, and their offsets given to others.
                    ends[(what, partition)] = min(end, held.get(partition, 0))
                # A full image has no more room: start with a new one.
                if os.statvfs(image.mount_point).f_bavail < 20_000:
                    subprocess.run(["rm", "-r", data], check=True)
                    ends.clear()
        finally:
            image.unmount()
    print(f"{cuts} power cuts, {kills} kills; {lost} records that were acknowledged or served are gone")
    return 1 if lost else 0


if __name__ == "__main__":
    sys.exit(main())
