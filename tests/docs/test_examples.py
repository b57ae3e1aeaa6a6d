#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_examples: what README.md and the man pages show is what happens.

Every session with a shell is typed, in order, against an installed tree, in a folder with
the programs of examples/, which those that are shown are among. A command must succeed,
or, where what it prints is shown and starts with "NAME:", fail; what is shown must be what
it prints, where "..." stands for anything. Sessions have a bpffs of their own.
"""
import ctypes
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import BUILD, SOURCE, Skip, load_script, run_cases, run_staged  # noqa: E402

doc = load_script("doc-examples")

NEEDS_BPF = re.compile(r"\bmap:|/sys/fs/bpf|\bbpftool\b|\bmake run\b|--kernel\b|\bchute list\b")
# Stands before the compiler: examples are free of warnings.
CC = "#!/bin/sh\nexec {cc} -std=gnu11 -Wall -Wextra -Wshadow -Werror \"$@\"\n"
# A folder of /sys/fs/bpf and /dev/shm of our own, where that is permitted.
PRIVATE = ["unshare", "-m", "--", "sh", "-c",
           'mount -t bpf bpf /sys/fs/bpf; mount -t tmpfs tmpfs /dev/shm; exec "$@"', "sh"]


def has_private():
    return not os.geteuid() and not subprocess.run([*PRIVATE, "true"],
                                                   capture_output=True).returncode


def need_bpf():
    lib = ctypes.CDLL(os.environ["CHUTE_STAGE_LIB"] + "/libchute.so.0")
    fd = lib.chute_map(b"probe", ctypes.c_size_t(65536))
    if fd < 0:
        raise Skip(f"no user ring buffer can be made: {os.strerror(-fd)}")
    os.close(fd)
    for tool in ("clang", "bpftool"):
        if not shutil.which(tool):
            raise Skip(f"{tool} is missing")
    if not has_private():
        raise Skip("no bpffs can be mounted")


def on_terminal(command):
    """What @command prints on a terminal."""
    master, slave = pty.openpty()
    run = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave)
    os.close(slave)
    out = b""
    try:
        while chunk := os.read(master, 65536):
            out += chunk
    except OSError:  # EIO: nobody has it open any more
        pass
    os.close(master)
    assert run.wait() == 0, f"{command}: exit {run.returncode}\n{out.decode()}"
    return doc.as_seen(out.decode())


class Shell:
    """One bash, so that a session can go on where the last one has stopped."""

    def __init__(self, folder, private):
        self.folder = Path(folder)
        self.count = 0
        for path in (SOURCE / "examples").glob("*.[ch]"):
            shutil.copy(path, self.folder)
        (self.folder / "examples").symlink_to(".")  # README.md goes there
        tools = self.folder / ".tools"
        tools.mkdir()
        (tools / "cc").write_text(CC.format(cc=shutil.which("cc")))
        (tools / "cc").chmod(0o755)
        env = dict(os.environ, PATH=f"{tools}:{os.environ['PATH']}",
                   C_INCLUDE_PATH=os.environ["CHUTE_STAGE_INCLUDE"],
                   LIBRARY_PATH=os.environ["CHUTE_STAGE_LIB"])
        self.bash = subprocess.Popen([*(PRIVATE if private else []), "bash"], cwd=folder, env=env,
                                     stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                                     stderr=subprocess.DEVNULL, text=True, start_new_session=True)

    def type(self, command, timeout=60):
        """(exit status, output). What a job in the background prints later is not seen."""
        base = self.folder / f".step{self.count}"
        out, status = base.with_suffix(".out"), base.with_suffix(".status")
        self.count += 1
        base.with_suffix(".sh").write_text(command)
        self.bash.stdin.write(f'eval "$(<{base}.sh)" </dev/null >{out} 2>&1\n'
                              f"echo $? >{status}.tmp && mv {status}.tmp {status}\n")
        self.bash.stdin.flush()
        end = time.monotonic() + timeout
        while not status.exists():
            assert self.bash.poll() is None, f"the shell has ended in: {command}"
            assert time.monotonic() < end, f"no end after {timeout} s: {command}"
            time.sleep(0.005)
        return int(status.read_text()), doc.as_seen(out.read_bytes().decode(errors="replace"))

    def close(self):
        self.bash.stdin.close()
        try:
            os.killpg(self.bash.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.bash.wait()


def run_make(target, where, expected):
    """Not in the middle of the tests; what is shown is checked for its form."""
    assert re.search(rf"^\.PHONY:.*\b{target}\b", (SOURCE / "Makefile").read_text(), re.M), \
        f"{where}: the Makefile has no {target}"
    if target == "run" and expected:
        real = on_terminal([str(SOURCE / "scripts/run"), str(BUILD)])
        assert re.fullmatch(doc.pattern(doc.shape("\n".join(expected)).split("\n")),
                            doc.shape(real) + "\n"), f"{where}: make run prints\n{real}"
    if target == "check" and expected:
        assert expected[-1] == "... passed, 0 failed, 0 skipped", \
            f"{where}: that is not how make check ends, whatever the number of tests"


def run_step(shell, page, number, command, expected):
    where = f"{page.name}:{number}"
    if command.startswith("make"):
        for target in command.split()[1:]:
            run_make(target, where, expected)
        return
    status, output = shell.type(command)
    shown = f"{where}: {command}\nexit {status}, and prints\n{output}"
    assert status == 0 or doc.may_fail(command, expected), shown
    if expected:
        assert re.fullmatch(doc.pattern(expected), output + "\n"), \
            shown + "\ninstead of\n" + "\n".join(expected)


def needs_bpf(text):
    """A session that names a map or a tool of BPF's, or runs a program that does."""
    sources = ((SOURCE / "examples" / f"{name}.c") for name in re.findall(r"\./(\w+)\b", text))
    return any(NEEDS_BPF.search(part) for part in
               [text, *(path.read_text() for path in sources if path.exists())])


def run_session(shell, example):
    if needs_bpf(example.text):
        need_bpf()
    try:
        for number, command, expected in example.steps:
            run_step(shell, example.path, number, command, expected)
    except AssertionError:
        # The next one is not to find what this one has left.
        for name in re.findall(r"^\$ chute create mem:(\w+)", example.text, re.M):
            shell.type(f"rm -f /dev/shm/{name}")
        raise


def is_used(program, sessions):
    assert any(program.name in session.text for session in sessions), \
        f"{program}: no session compiles {program.name}"


def page_cases(page, shell):
    found = doc.find(page)
    sessions = [example for example in found if example.steps]
    for example in found:
        if example.name:
            yield f"{page.name}: a session compiles {example.name}", \
                lambda example=example: is_used(example, sessions)
    for session in sessions:
        first = session.steps[0][1].split("\n")[0].rstrip(" \\")
        yield f"{page.name}: $ {first}", lambda session=session: run_session(shell, session)


def refuses(folder, text, suffix, what):
    path = Path(folder) / ("page" + suffix)
    path.write_text(text)
    try:
        doc.find(path)
    except doc.Wrong as wrong:
        assert what in str(wrong), wrong
        return
    raise AssertionError(f"found something in {text!r}")


def what_is_shown_is_compared(folder):
    shell = Shell(folder, False)
    page = Path("page")
    try:
        run_step(shell, page, 1, "echo one 2 three; echo four", ["one ... three", "four"])
        run_step(shell, page, 1, "seq 5", ["1", "...", "5"])
        run_step(shell, page, 1, "bash -c 'echo bash: no >&2; exit 3'", ["bash: no"])
        for command, expected in (("echo one", ["two"]), ("false", []), ("false", ["..."]),
                                  ("echo one", ["one", "two"]), ("seq 5", ["1", "5"]),
                                  ("make nonsense", []), ("make check", ["fine"])):
            try:
                run_step(shell, page, 1, command, expected)
            except AssertionError:
                continue
            raise RuntimeError(f"{command}: {expected} was accepted")
    finally:
        shell.close()


def main():
    run_staged(__file__)
    pages = [SOURCE / "README.md", *(page for page in sorted((SOURCE / "man").glob("*.[1-8]"))
                                     if page.name != "chute.7")]
    with tempfile.TemporaryDirectory() as top:
        shells = [Shell(tempfile.mkdtemp(dir=top), has_private()) for _ in pages]
        cases = [
            ("a page without examples is refused",
             lambda: refuses(top, "text\n```\nmore\n```\n", ".md", "no examples")),
            ("a program that is not in examples is refused",
             lambda: refuses(top, "```c\nint main(void);\n```\n", ".md", "no file of examples")),
            ("a fragment of C is refused",
             lambda: refuses(top, ".Bd -literal\nchute_close(c);\n.Ed\n", ".3", "a fragment")),
            ("what is shown is compared", lambda: what_is_shown_is_compared(top)),
        ]
        for page, shell in zip(pages, shells):
            cases += page_cases(page, shell)
        run_cases(cases)
        for shell in shells:
            shell.close()


if __name__ == "__main__":
    main()
