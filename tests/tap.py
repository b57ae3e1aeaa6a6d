# SPDX-License-Identifier: BSD-2-Clause
"""What the test programs in Python share: sentence-named cases, reported in TAP.

A case is a function that returns, raises Skip, or raises anything else: failed.
As in support.h, a skip says why, and is a failure if CHUTE_REQUIRE_BPF is set.
"""
import importlib.util
import os
import subprocess
import sys
import traceback
from importlib.machinery import SourceFileLoader
from pathlib import Path

SOURCE = Path(os.environ.get("CHUTE_SOURCE", Path(__file__).resolve().parents[1]))
BUILD = Path(os.environ.get("CHUTE_BUILD", SOURCE / "build"))


class Skip(Exception):
    pass


def run_cases(cases):
    """@cases: (name, function) pairs. Exits 0 and leaves the verdict to the TAP."""
    if not cases:
        print("Bail out! no cases")
        sys.exit(1)
    print(f"1..{len(cases)}")
    for number, (name, case) in enumerate(cases, 1):
        try:
            case()
            print(f"ok {number} - {name}")
        except Skip as reason:
            if os.environ.get("CHUTE_REQUIRE_BPF"):
                print(f"not ok {number} - {name}")
                print(f"# would skip, but CHUTE_REQUIRE_BPF is set: {reason}")
            else:
                print(f"# skipped: {reason}")
                print(f"ok {number} - {name} # SKIP {reason}")
        except Exception as error:
            text = str(error) if isinstance(error, AssertionError) else traceback.format_exc()
            print(f"not ok {number} - {name}")
            print("# " + text.strip().replace("\n", "\n# "))
        sys.stdout.flush()


def sh(command, timeout=60, **options):
    """Run a command (a list, or a line for the shell); its output. Fails with the output."""
    run = subprocess.run(command, shell=isinstance(command, str), text=True, timeout=timeout,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **options)
    assert run.returncode == 0, f"{command}: exit {run.returncode}\n{run.stdout}"
    return run.stdout


def load_script(name):
    """A program of scripts/ as a module."""
    loader = SourceFileLoader(name.replace("-", "_"), str(SOURCE / "scripts" / name))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def run_staged(program):
    """Start @program anew under scripts/staged, unless that has been done."""
    if "CHUTE_STAGE" not in os.environ:
        staged = str(SOURCE / "scripts" / "staged")
        os.execv(staged, [staged, str(BUILD), os.path.abspath(program)])
