# SPDX-License-Identifier: BSD-2-Clause
"""What the tool's verbs are, and their options: by --help, by trying, and by the pages."""
import os
import re
import subprocess

from tap import BUILD, SOURCE

TOOL = BUILD / "tools/chute"
# Every verb has them, and chute(1) describes them.
COMMON = {"help", "version"}


def table(text=None):
    """The dispatch table's verbs."""
    text = text or (SOURCE / "tools/main.c").read_text()
    rows = re.search(r"verbs\[\] = \{(.*?)^\};", text, re.M | re.S)[1]
    return re.findall(r'\{\s*"(\w+)",\s*tool_\w+', rows)


def help_of(*verb):
    run = subprocess.run([str(TOOL), *verb, "--help"], capture_output=True, text=True,
                         env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    assert run.returncode == 0, f"chute {' '.join(verb)} --help: {run.stderr}"
    return run.stdout


def in_help(text):
    """{option: its value's name or ""} of a verb's help; short options are options too."""
    found = {}
    for short, name, value in re.findall(r"^  (?:-(\w), )?--([\w-]+)(?: ([A-Z]+))?(?:  |$)", text,
                                         re.M):
        found[name] = value
        if short:
            found[short] = value
    return found


def is_taken(verb, name, value):
    """Does the verb know that option? It stands before --help, which ends all."""
    word = ("-" if len(name) == 1 else "--") + name
    run = subprocess.run([str(TOOL), verb, word, *(["1"] if value else []), "--help"],
                         capture_output=True, text=True,
                         env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
    return run.returncode == 0 and run.stdout.startswith("usage: ")


def on_page(text):
    """{option: whether it takes a value} of the list in a page, and of its synopsis."""
    synopsis = re.search(r"^\.Sh SYNOPSIS\n(.*?)^\.Sh ", text, re.M | re.S)[1]
    listed = {}
    for line in re.findall(r"^\.It (Fl .*)$", text, re.M):
        names = re.findall(r"Fl -?([\w-]+)", line)
        for name in names:
            listed[name] = " Ar " in line
    shown = set(re.findall(r"Fl -?([\w-]+)", synopsis))
    return listed, shown
