#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_models: the protocols by themselves, walked through to the last state by spin.

And each with one thing broken, as its file says ("Must fail:"), which spin has to find:
a model that can't fail shows nothing.
"""
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import SOURCE, Skip, run_cases, sh  # noqa: E402

# File: the variants that hold. Those that must fail are in the file, see broken().
MODELS = {
    "handshake": ["", "-DMAP"],
    "share": ["", "-DKERNEL"],
}


def broken(name):
    """The flags of each variant that must fail: a line each in the file's head."""
    text = (SOURCE / f"tests/model/{name}.pml").read_text()
    listed = re.search(r"Must fail:\n(.*?)\n \*/", text, re.S)[1]
    return [line[1] for line in re.finditer(r"^ \*   (-D\w+(?: -D\w+)*)", listed, re.M)]


def verdict(name, flags, optimize="-O1"):
    """The number of errors that spin found, and the number of states."""
    if not shutil.which("spin"):
        raise Skip("spin is missing")
    with tempfile.TemporaryDirectory() as folder:
        model = SOURCE / f"tests/model/{name}.pml"
        sh(f"spin {flags} -a {model}", cwd=folder)
        sh(f"cc {optimize} -DSAFETY -DCOLLAPSE -DMEMLIM=4096 -o pan pan.c", cwd=folder)
        out = sh("./pan -m1000000", timeout=240, cwd=folder)
    assert "max search depth too small" not in out, out
    assert "out of memory" not in out, out
    errors = int(re.search(r"errors: (\d+)", out)[1])
    states = int(re.search(r"(\d+) states, stored", out)[1])
    print(f"# {name} {flags}: {states} states, {errors} errors")
    return errors, states


def holds(name, flags):
    def case():
        errors, states = verdict(name, flags)
        assert errors == 0 and states > 1000
    return (f"{name}_holds{words(flags)}", case)


def is_caught(name, flags):
    def case():
        # Soon found: compiling takes longer.
        errors, _ = verdict(name, flags, "-O0")
        assert errors == 1, "spin finds nothing wrong with it"
    return (f"{name}_broken_by{words(flags)}_is_caught", case)


def words(flags):
    return re.sub(r"\W+", "_", flags.replace("-D", "").lower()).join(["_", ""]) if flags else ""


run_cases([case for name, variants in MODELS.items() for case in (
    *(holds(name, flags) for flags in variants),
    *(is_caught(name, flags) for flags in broken(name)))])
