# SPDX-License-Identifier: BSD-2-Clause
"""What scripts/kernels and scripts/cross share: building chute in a bare Debian, running the
tests of that build there or in a virtual machine, and a table of what they came to.
"""
import contextlib
import fcntl
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[1]
SUITE = "bookworm"
WEEK = 7 * 86400  # seconds
SLOWER = 5  # how many times as long a test may take as on a machine of its own
BOOT = 180  # seconds
STARTED = time.monotonic()
# The folders of a machine, in a folder.
MOUNTS = ('mount --bind "$2" "$1/chute" && mount --rbind /dev "$1/dev" && '
          'mount -t proc proc "$1/proc" && mount -t sysfs sysfs "$1/sys" && '
          'mount -t bpf bpf "$1/sys/fs/bpf" && '
          'mount -t tmpfs -o mode=1777 tmpfs "$1/tmp" && exec chroot "$1" sh -c "$3"')


class Trouble(Exception):
    """What ends the whole run; the status is that of the program."""

    def __init__(self, text, status=1):
        super().__init__(text)
        self.status = status


def say(text):
    print(f"{time.monotonic() - STARTED:5.0f} s  {text}", flush=True)


def script(name, *arguments):
    """A program of scripts/; what it prints. Its trouble is ours."""
    run = subprocess.run([str(SOURCE / "scripts" / name), *map(str, arguments)], text=True,
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    if run.returncode:
        raise Trouble(run.stderr.strip() or f"{name}: exit {run.returncode}", run.returncode)
    return run.stdout.strip()


def cache():
    return Path(os.environ.get("CHUTE_CACHE") or Path(
        os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "chute")


@contextlib.contextmanager
def locked():
    """One at a time makes what is kept."""
    cache().mkdir(parents=True, exist_ok=True)
    with open(cache() / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def root(packages, archs=()):
    """A Debian with @packages, kept for a week; ready to be entered, or to become an image."""
    words = " ".join([SUITE, *archs, *sorted(packages)])
    kind = "-".join(["root", SUITE, *archs])
    folder = cache() / (kind + "-" + hashlib.sha256(words.encode()).hexdigest()[:12])
    with locked():
        make_root(folder, kind, packages, archs)
    return folder


def make_root(folder, kind, packages, archs):
    done = folder.with_suffix(".done")
    if not done.exists() or time.time() - done.stat().st_mtime > WEEK:
        say("making a bare Debian" + "".join(f", {arch}" for arch in archs))
        for old in cache().glob(kind + "-" + 12 * "[0-9a-f]" + "*"):
            old.unlink() if old.is_file() else shutil.rmtree(old)
        options = ["-a", ",".join(archs)] if archs else []
        script("root", *options, SUITE, folder, *packages)
        for mountpoint in ("job", "chute"):
            (folder / mountpoint).mkdir()
        done.touch()


def image(folder):
    """@folder as a disk."""
    made = folder.with_suffix(".img")
    with locked():
        if made.exists():
            return made
        new = made.with_suffix(".new")
        subprocess.run(["mke2fs", "-q", "-F", "-t", "ext4", "-O", "^has_journal", "-d",
                        str(folder), str(new), "6G"], check=True, stdout=subprocess.DEVNULL)
        new.rename(made)
    return made


def copy_source(target):
    def ignore(folder, names):
        return [name for name in names if name in (".git", "__pycache__")
                or (folder == str(SOURCE) and name.startswith("build"))]

    shutil.copytree(SOURCE, target, symlinks=True, ignore=ignore)


def in_root(folder, chute, command, log):
    """Run a line of the shell in @folder, with @chute as /chute; its exit status."""
    entering = ["unshare", "-m", "-p", "-i", "--fork", "--kill-child", "sh", "-c", MOUNTS, "sh"]
    return subprocess.run(
        [*entering, str(folder), str(chute), command], stdout=log, stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL, env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
                                       "LC_ALL": "C.UTF-8", "HOME": "/root"}).returncode


class Build:
    """A copy of the source at @chute, built in @folder, where both are /chute."""

    def __init__(self, folder, chute, log, setup="", before=""):
        self.folder, self.chute, self.log = folder, chute, log
        copy_source(chute)
        self.run(f"{before}cd /chute && meson setup build {setup}")
        read = lambda name: json.loads((chute / "build/meson-info" / name).read_text())
        self.files = {target["id"]: target["filename"] for target in read("intro-targets.json")}
        self.tests = {test["name"]: test for test in read("intro-tests.json")}

    def run(self, command):
        with open(self.log, "a") as log:
            if in_root(self.folder, self.chute, command, log):
                text = self.log.read_text(errors="replace")
                raise Trouble(f"{text[-3000:]}\nthe build failed: {self.log}")

    def make(self, names, more=()):
        """What the tests @names need, and @more files of the build."""
        needed = set(more)
        for test in (self.tests[name] for name in names):
            made = [name for id in test.get("depends", []) for name in self.files.get(id, [])]
            needed |= {name[len("/chute/build/"):] for name in [*test["cmd"], *made]
                       if name.startswith("/chute/build/")}
        self.run("ninja -C /chute/build -k 0 --quiet " + " ".join(sorted(needed)))

    def strip(self):
        """Leave out what only the compiler wants."""
        for folder in list((self.chute / "build").rglob("*.p")):
            shutil.rmtree(folder)


def quoted(text):
    return "'" + text.replace("'", "'\\''") + "'"


def write_job(path, names, build, commands, lines=()):
    """A shell script that runs the tests @names one after another, with marks between them.
    @commands: {name: a line of the shell} for what is no test of meson's."""
    text = ["#!/bin/sh", *lines]
    for name in names:
        test = build.tests.get(name, {"env": {}, "timeout": 60, "cmd": []})
        command = commands.get(name) or " ".join(map(quoted, test["cmd"]))
        values = "".join(f"export {key}={quoted(value)}; " for key, value in test["env"].items())
        limit = int(test["timeout"] * SLOWER)
        inner = f"cd {quoted(test.get('workdir') or '/chute/build')}; {values}{command}"
        text += [f"echo '@test {name}'; read began rest </proc/uptime",
                 f"timeout -k 5 {limit} sh -c {quoted(inner)} 2>&1; status=$?",
                 "read ended rest </proc/uptime",
                 f'echo; echo "@done {name} $status $began $ended"']
    path.write_text("\n".join(text) + "\nexit 0\n")
    path.chmod(0o755)


def verdict(output, status):
    """What a test's output and exit status come to, and whether that is good."""
    cases = re.findall(r"^(ok|not ok) \d+(.*)", output, re.M)
    # cmocka calls a case whose set-up skips it "not ok", and exits accordingly.
    skip = [" # SKIP" in rest or rest.endswith("Skipped!") for _, rest in cases]
    skipped = sum(skip)
    failed = sum(word == "not ok" and not skips for (word, _), skips in zip(cases, skip))
    planned = re.search(r"^1\.\.(\d+)", output, re.M)
    if status in (124, 137):
        return "timed out", False
    if failed:
        return f"{failed} of {planned[1] if planned else '?'} failed", False
    if (status not in (0, 77) and not skipped) or (planned and int(planned[1]) != len(cases)):
        return f"exit {status}", False
    if not planned:
        return "ok", True
    return f"{len(cases) - skipped}" + (f" ({skipped} skipped)" if skipped else ""), True


def results(output):
    """{test: (verdict, good)} of a job's output"""
    found = {}
    for part in re.split(r"^@test ", output, flags=re.M)[1:]:
        name = part.split("\n", 1)[0]
        end = re.search(r"^@done \S+ (\d+) (\S+) (\S+)$", part, re.M)
        if end:
            text, good = verdict(part, int(end[1]))
            found[name] = (f"{text}, {float(end[3]) - float(end[2]):.0f} s", good)
        else:
            found[name] = ("ended here", False)
    return found


def limit(names, build):
    """Seconds that a job may take."""
    return BOOT + SLOWER * sum(build.tests.get(name, {"timeout": 60})["timeout"] for name in names)


def fetched(versions, arch):
    """The folder of the first kernel of @versions that Debian has."""
    try:
        return Path(script("kernel", versions[0], *([arch] if arch else [])))
    except Trouble as trouble:
        if trouble.status != 3 or len(versions) == 1:
            raise
        return fetched(versions[1:], arch)


def boot(kernel, disk, job, logs, seconds, arch=None):
    """Run a job in a virtual machine. (name of the column, its results, whether it ended)"""
    folder = fetched(kernel.split("|"), arch)
    release = (folder / "release").read_text().strip()
    log, console = logs / f"{release}.log", logs / f"{release}.console"
    with open(log, "w") as out:
        status = subprocess.run(
            [str(SOURCE / "scripts/vm"), *(["-a", arch] if arch else []), "-t", str(seconds),
             str(folder), str(disk), str(job), str(console)],
            stdout=out, stderr=subprocess.STDOUT).returncode
    output = log.read_bytes().decode(errors="replace").replace("\r", "")
    if status:
        print("\n".join(output.splitlines()[-5:] +
                        console.read_text(errors="replace").splitlines()[-30:]))
    return re.sub(r"-cloud.*", "", release), results(output), status == 0


def failures(log, shown=40):
    """What the failed tests of a log said."""
    output = log.read_bytes().decode(errors="replace")
    bad = {name for name, (_, good) in results(output).items() if not good}
    for part in re.split(r"^@test ", output, flags=re.M)[1:]:
        if part.split("\n", 1)[0] in bad:
            lines = [line for line in part.splitlines()[1:] if not line.startswith("ok ")]
            print(f"-- {part.split(chr(10), 1)[0]}", *lines[:shown], sep="\n")


def table(names, columns):
    """Print tests by machines in Markdown; whether all is well."""
    rows = [["test", *[title for title, _, _ in columns]]]
    good = all(ended for _, _, ended in columns)
    for name in names:
        cells = [found.get(name, ("not run", False)) for _, found, _ in columns]
        good = good and all(fine for _, fine in cells)
        rows.append([name, *[text if fine else f"**{text}**" for text, fine in cells]])
    widths = [max(map(len, column)) for column in zip(*rows)]
    rows.insert(1, ["-" * width for width in widths])
    for row in rows:
        print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
    return good


def start(main, what):
    """Run @main as root, with the packages that scripts/setup has for @what."""
    name = Path(sys.argv[0]).name
    try:
        # The user's, who can then remove it.
        (SOURCE / ("build-" + name)).mkdir(exist_ok=True)
        if os.getuid():
            os.environ["CHUTE_CACHE"] = str(cache())
            cache().mkdir(parents=True, exist_ok=True)
            privileged = str(SOURCE / "scripts/privileged")
            if subprocess.run([privileged, "--check"]).returncode:
                raise Trouble("this takes root, or sudo")
            os.execv(privileged, [privileged, os.path.abspath(sys.argv[0]), *sys.argv[1:]])
        os.environ["PATH"] += ":/usr/sbin:/sbin"
        setup = subprocess.run([str(SOURCE / "scripts/setup"), what])
        if setup.returncode:
            raise Trouble("what it takes cannot be installed", 3)
        sys.exit(0 if main() else 1)
    except Trouble as trouble:
        print(f"scripts/{name}: {trouble}", file=sys.stderr)
        sys.exit(trouble.status)
