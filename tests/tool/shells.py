# SPDX-License-Identifier: BSD-2-Clause
"""A shell with our completion, on a terminal: keys go in, and what it makes of them out."""
import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
import time

from tap import BUILD, SOURCE, Skip

COMPLETIONS = SOURCE / "completions"
PROMPT = "ready> "
START = {
    "bash": (["--norc", "--noprofile", "-i"], f"source '{COMPLETIONS}/chute.bash'"),
    "zsh": (["-f", "-i"], f"fpath=('{COMPLETIONS}' $fpath); autoload -Uz compinit; "
                          "compinit -u -D; LISTMAX=1000; unsetopt beep"),
}
ENVIRONMENT = {"PATH": f"{BUILD}/tools:/usr/bin:/bin:/usr/sbin", "TERM": "dumb", "HOME": "/",
               "LC_ALL": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=0", "PS1": PROMPT}


def candidates(line, folder):
    """What bash's function offers for a command line with the cursor at its end."""
    script = (f"source '{COMPLETIONS}/chute.bash'; COMP_LINE=$1 COMP_POINT=${{#1}}; "
              "_chute chute; printf '%s\\n' \"${COMPREPLY[@]}\"")
    run = subprocess.run(["bash", "--norc", "-c", script, "bash", line], cwd=folder, text=True,
                         capture_output=True, env=ENVIRONMENT)
    assert run.returncode == 0 and not run.stderr, run.stderr
    return run.stdout.split("\n")[:-1] if run.stdout != "\n" else []


class Terminal:
    """An interactive shell of 300 lines by 200 columns."""

    def __init__(self, shell, folder):
        if not shutil.which(shell):
            raise Skip(f"{shell} is missing")
        arguments, setup = START[shell]
        pid, self.fd = pty.fork()
        if not pid:
            os.chdir(folder)
            os.execvpe(shell, [shell, *arguments], ENVIRONMENT)
        self.pid = pid
        fcntl.ioctl(self.fd, termios.TIOCSWINSZ, struct.pack("HHHH", 300, 200, 0, 0))
        # Its name, in two parts, is in no echo.
        self.send(f"{setup}; PS1='{PROMPT}'; printf 'set%s\\n' up\r")
        self.until(r"setup\r?\n[^\n]*" + re.escape(PROMPT))

    def send(self, keys):
        os.write(self.fd, keys.encode())

    def until(self, pattern, seconds=60):
        """Read until @pattern has come; all that came."""
        out, end = "", time.monotonic() + seconds
        while not re.search(pattern, out):
            left = end - time.monotonic()
            assert left > 0 and select.select([self.fd], [], [], left)[0], f"only {out!r}"
            try:
                out += os.read(self.fd, 65536).decode(errors="replace")
            except OSError as error:
                raise AssertionError(f"the shell has ended: {out!r}") from error
        return out

    def run(self, typed):
        """Complete the last word of @typed, and run the line: what it prints."""
        self.send(typed + "\t")
        # Whatever it makes of the tab, it is done when it sees this.
        self.send("\x05; echo do''ne\r")
        return self.until(r"done\r?\n[^\n]*" + re.escape(PROMPT))

    def listed(self, typed):
        """All that is offered for the last word of @typed."""
        self.send(typed + "\t\t")
        self.send("\x05\x15echo do''ne\r")
        return self.until(r"done\r?\n[^\n]*" + re.escape(PROMPT))

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)
