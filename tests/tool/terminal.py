# SPDX-License-Identifier: BSD-2-Clause
"""A terminal of a given size with a shell in it: keys go in, the screen comes out."""
import os
import subprocess
import tempfile
import time

PATIENCE = 60
CONFIG = """set -g status off
set -g escape-time 0
set -g default-terminal screen-256color
set -g default-command "exec env 'PS1=$ ' /bin/sh"
set -g remain-on-exit on
"""


class Terminal:
    """Ends with the block that it is used in."""

    def __init__(self, columns=80, rows=24, **env):
        self.folder = tempfile.TemporaryDirectory()
        config = os.path.join(self.folder.name, "tmux.conf")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG)
        self.env = dict(os.environ, TMUX_TMPDIR=self.folder.name, LC_ALL="C.UTF-8")
        for name in ("TMUX", "NO_COLOR"):
            self.env.pop(name, None)
        self.env.update(env)
        self.command = ["tmux", "-u", "-f", config]
        self.tmux("new-session", "-d", "-x", str(columns), "-y", str(rows))
        self.see("$")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run([*self.command, "kill-server"], env=self.env, capture_output=True)
        self.folder.cleanup()

    def tmux(self, *arguments):
        return subprocess.run([*self.command, *arguments], env=self.env, check=True, text=True,
                              capture_output=True).stdout

    def keys(self, *keys):
        self.tmux("send-keys", *keys)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def run(self, command):
        self.type(command)
        self.keys("Enter")

    def resize(self, columns, rows):
        self.tmux("resize-window", "-x", str(columns), "-y", str(rows))

    def screen(self, *options):
        lines = self.tmux("capture-pane", "-p", *options).split("\n")
        return "\n".join(line.rstrip() for line in lines).rstrip("\n")

    def until(self, condition, what):
        end = time.monotonic() + PATIENCE
        while True:
            screen = self.screen()
            if condition(screen):
                return screen
            assert time.monotonic() < end, f"never {what}:\n{screen}"
            time.sleep(0.01)

    def see(self, text):
        """Wait until that is on the screen; the screen."""
        return self.until(lambda screen: text in screen, f"showed {text!r}")

    def see_no(self, text):
        return self.until(lambda screen: text not in screen, f"stopped showing {text!r}")

    def see_all(self, expected):
        """Wait until the screen is that, and nothing else."""
        expected = expected.strip("\n")
        return self.until(lambda screen: screen == expected, f"showed\n{expected}\nbut")
