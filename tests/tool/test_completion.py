#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_completion: what bash and zsh offer behind `chute`: the verbs, each verb's options as
its --help has them, rings, and files.
"""
import ctypes
import os
import re
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "docs"))
from tap import BUILD, Skip, run_cases, sh  # noqa: E402
from shells import Terminal, candidates  # noqa: E402
import verbs  # noqa: E402

RING = f"mem:chute-test-{os.getpid()}-ring"


def make_map():
    """A map with a name of its own: its id, and a descriptor that keeps it."""
    lib = ctypes.CDLL(str(BUILD / "libchute.so.0"))
    fd = lib.chute_map(b"chute_complete", ctypes.c_size_t(4096))
    if fd < 0:
        raise Skip(f"no user ring buffer can be made: {os.strerror(-fd)}")
    info = Path(f"/proc/self/fdinfo/{fd}").read_text()
    return int(re.search(r"^map_id:\s+(\d+)", info, re.M)[1]), fd


def options(verb):
    names = verbs.in_help(verbs.help_of(verb))
    return {("-" if len(name) == 1 else "--") + name for name in names}


def long_options(verb):
    return {name for name in options(verb) if name.startswith("--")}


# ---- bash ----

def bash_offers_the_verbs(folder):
    assert set(candidates("chute ", folder)) == {*verbs.table(), "--help", "--version"}
    assert candidates("chute se", folder) == ["send"]


def bash_offers_each_verbs_options(folder):
    for verb in verbs.table():
        assert set(candidates(f"chute {verb} --", folder)) == long_options(verb), verb
        assert set(candidates(f"chute {verb} -", folder)) == options(verb), verb
    assert candidates("chute nonsense --", folder) == []


def bash_offers_rings_of_the_kinds_that_a_verb_takes(folder):
    name = RING[4:]
    for verb in ("send", "recv", "stat"):
        assert RING in candidates(f"chute {verb} ", folder), verb
        # For bash a colon begins a word, and what stands before it stays.
        assert candidates(f"chute {verb} {RING[:-2]}", folder) == [name], verb
    assert RING not in candidates("chute drain ", folder)
    assert candidates(f"chute send --timeout 3 {RING[:-2]}", folder) == [name]
    assert set(candidates("chute create ", folder)) == {"mem:"}


def bash_offers_maps(folder):
    number, fd = make_map()
    for verb, wanted in (("send", True), ("drain", True), ("recv", False)):
        offered = candidates(f"chute {verb} ", folder)
        assert (f"map:{number}" in offered) == wanted, verb
        assert ("map:chute_complete" in offered) == wanted, verb
    os.close(fd)


def bash_offers_files_where_files_go(folder):
    (Path(folder) / "one file").touch()
    for line in (f"chute send {RING} ", f"chute send {RING} {RING} ", "chute dump --raw ",
                 "chute dump --raw=", f"chute send {RING} --rate 3 "):
        assert candidates(line + "one", folder) == ["one file"], line
        assert candidates(line + "two", folder) == [], line
    for line in ("chute send --rate ", f"chute recv {RING} ", f"chute create {RING} --size "):
        assert candidates(line + "one", folder) == [], line


def bash_offers_the_questions_of_bench(folder):
    if not (BUILD / "bench/produce").exists():
        raise Skip("the benchmarks are not built")
    assert "produce" in candidates("chute bench pro", folder)


# ---- on a terminal ----

def a_ring_is_completed_by(shell, folder):
    terminal = Terminal(shell, folder)
    out = terminal.run(f"chute recv --count 0 {RING[:-2]}")
    assert f"chute recv: {RING}: 0 records" in out, out
    out = terminal.run("chute cre")
    assert "chute create: no RING given" in out, out
    terminal.close()


def each_verbs_options_are_listed_by(shell, folder):
    terminal = Terminal(shell, folder)
    for verb in verbs.table():
        out = terminal.listed(f"chute {verb} --")
        found = set(re.findall(r"(?<![\w'-])--[a-z][\w-]*", out))
        # One alone is completed, and a description may name others.
        lacks = long_options(verb) - found
        assert not lacks, f"{verb}: lacks {sorted(lacks)} in {out}"
    terminal.close()


def the_verbs_are_listed_by(shell, folder):
    terminal = Terminal(shell, folder)
    out = terminal.listed("chute ")
    lacks = [verb for verb in verbs.table() if not re.search(rf"(^|\s){verb}\b", out, re.M)]
    assert not lacks, f"lacks {lacks} in {out}"
    terminal.close()


def a_file_is_completed_by(shell, folder):
    (Path(folder) / "lines of text").write_text("one\ntwo\n")
    terminal = Terminal(shell, folder)
    out = terminal.run(f"chute send {RING} li")
    assert "2 records, 6 bytes" in out, out
    sh([str(verbs.TOOL), "recv", "-q", RING, "--timeout", "0"])
    terminal.close()


def main():
    sh([str(verbs.TOOL), "create", RING, "--size", "4K"])
    try:
        with tempfile.TemporaryDirectory() as folder:
            run_cases([(case.__name__.replace("_", " "), lambda case=case: case(folder))
                       for case in (
                           bash_offers_the_verbs,
                           bash_offers_each_verbs_options,
                           bash_offers_rings_of_the_kinds_that_a_verb_takes,
                           bash_offers_maps,
                           bash_offers_files_where_files_go,
                           bash_offers_the_questions_of_bench,
                       )] + [
                (f"{case.__name__.replace('_', ' ')} {shell}",
                 lambda case=case, shell=shell: case(shell, folder))
                for shell in ("bash", "zsh") for case in (
                    a_ring_is_completed_by,
                    the_verbs_are_listed_by,
                    each_verbs_options_are_listed_by,
                    a_file_is_completed_by,
                )])
    finally:
        os.unlink("/dev/shm/" + RING[4:])


if __name__ == "__main__":
    main()
