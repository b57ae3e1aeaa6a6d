#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_watch_cost: a program that is built with libbpf gets on while it is watched.

What that costs is printed, and not judged: other programs disturb it, too. Its records a
second of its own CPU time, watched to not, in turns; the same by the clock on the wall, in
which both are where no CPU is to spare; and what the watcher takes of a CPU, at ten looks a
second. "test_watch_cost.py N" measures N turns of each.
"""
import os
import pty
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import BUILD, Skip, run_cases  # noqa: E402

CHUTE = str(BUILD / "tools/chute")
TURN_S = 0.25
PATIENCE = 240  # turns in which others may have the CPU


class Owner:
    def __init__(self, threads):
        self.process = subprocess.Popen([BUILD / "tests/tool/owner", threads], text=True,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL)
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            raise Skip("no user ring buffer can be made")
        self.ring = f"map:{int(line)}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()

    def look(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return [int(word) for word in self.process.stdout.readline().split()]

    def rates(self):
        """Records a second of its CPU time, and of the wall's, over a turn."""
        before = self.look()
        for _ in range(PATIENCE):
            time.sleep(TURN_S)
            records, wall, cpu = (b - a for a, b in zip(before, self.look()))
            if records:
                return records / cpu, records / wall
        raise AssertionError("it does not get on")


class Watcher:
    """A command on a terminal of its own, stopped but for when it is let go on."""

    def __init__(self, arguments):
        self.pid, self.master = pty.fork()
        if not self.pid:
            os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
            os.execvp(arguments[0], arguments)
        self.bytes = 0
        # It is there.
        os.read(self.master, 1)
        self.reader = threading.Thread(target=self.read)
        self.reader.start()

    def read(self):
        """A terminal that takes nothing would stop it."""
        try:
            while text := os.read(self.master, 65536):
                self.bytes += len(text)
        except OSError:
            pass

    def cpu_s(self):
        """CPU time of the command, without that of its children."""
        return time.clock_gettime((~self.pid << 3) | 2)

    def signal(self, number):
        os.killpg(self.pid, number)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.signal(signal.SIGKILL)
        os.waitpid(self.pid, 0)
        self.reader.join()
        os.close(self.master)


def measure(threads, arguments, turns):
    """Medians of ratios, watched to not: by CPU time, and by the clock; and which part of
    a CPU the watcher takes."""
    ratios = []
    with Owner(threads) as owner:
        command = [word.replace("RING", owner.ring) for word in arguments]
        with Watcher(command) as watcher:
            watcher.signal(signal.SIGSTOP)
            before = owner.rates()
            cpu = watcher.cpu_s()
            for _ in range(turns):
                seen = watcher.bytes
                watcher.signal(signal.SIGCONT)
                watched = owner.rates()
                watcher.signal(signal.SIGSTOP)
                assert watcher.bytes > seen, "the watcher says nothing"
                after = owner.rates()
                # What drifts is in both of its neighbours.
                ratios.append([2 * w / (a + b) for a, w, b in zip(before, watched, after)])
                before = after
            cpu = (watcher.cpu_s() - cpu) / (turns * TURN_S)
    return [*(statistics.median(column) for column in zip(*ratios)), cpu]


WATCHERS = {
    "list, ten times a second": ["sh", "-c", f"while :; do {CHUTE} list; sleep 0.1; done"],
    "check and dump, ten times a second": [
        "sh", "-c", 'while :; do "$0" check "$1"; "$0" dump "$1" --count 10; sleep 0.1; done',
        CHUTE, "RING"],
    "stat --interval 0.1": [CHUTE, "stat", "RING", "--interval", "0.1"],
    "stat --interval 0.1 --json": [CHUTE, "stat", "RING", "--interval", "0.1", "--json"],
    "top --interval 0.1": [CHUTE, "top", "--interval", "0.1"],
}


def show(threads, what, cpu, wall, share):
    return (f"{threads:4} {what:34} {cpu:.4f} by CPU time, {wall:.4f} by the clock; "
            f"takes {100 * share:.2f} % of a CPU")


def gets_on(threads, what):
    print("# " + show(threads, what, *measure(threads, WATCHERS[what], 1)))


def main():
    if len(sys.argv) > 1:
        for threads in ("one", "two"):
            for what in WATCHERS:
                print(show(threads, what, *measure(threads, WATCHERS[what], int(sys.argv[1]))),
                      flush=True)
        return
    run_cases([(f"a program gets on under {what}",
                lambda what=what: gets_on("one", what)) for what in WATCHERS])


if __name__ == "__main__":
    main()
