#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_bench: the benchmarks' lines can be parsed, all of them are there, and a message
that gets lost is noticed. How fast anything is, is not tested.
"""
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import BUILD, SOURCE, Skip, load_script, run_cases, sh  # noqa: E402

NUMBER = r"\d+(?:\.\d+)?"
# A line's name, result, quartiles if it has rounds, what to reach if anything is, and sides.
LINE = re.compile(rf"(\S+) +([-+]?{NUMBER})(x| %| \S+) {{2,}}"
                  rf"(?:([-+]?{NUMBER}) to ([-+]?{NUMBER}) +)?"
                  rf"(?:((?:at most |below )?\S+(?: \S+)?): (yes|NO) +)?"
                  rf"(\S.*): (-?{NUMBER}) (\S+)")
LIMIT_S = 240  # both sides spin: where others have the CPUs, that takes
SHORT = ["--rounds", "3", "--round-ms", "1"]
# Without them the table of questions would have a hole.
WANTED = """produce dropin-64K dropin-1M stream stream-libbpf stream-batch64 stream-pack
stream-pack-64B stream-pack-mixed drain-wakeup drain-empty kick-idle wake-latency-full
wake-latency-nearly-full against-map memory-8-single memory-8-batch32 memory-64-single
memory-64-batch32 shared-1 shared-2 shared-2-batch32 shared-4on1 lanes-2 scaling-4K-8
scaling-64M-64K""".split()
NEED_NO_BPF = {"memory", "kick-idle"}

programs = sorted(path.name for path in (BUILD / "bench").iterdir()
                  if path.is_file() and os.access(path, os.X_OK) and path.name != "machine")


def need(question):
    """Run once, for a moment: can it be measured here?"""
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU only")
    if question not in NEED_NO_BPF and os.geteuid():
        raise Skip("BPF needs root")


def run(program, *arguments):
    """What a program prints: lines as matches. Fails if something else is there."""
    need(program)
    matches = []
    for line in sh([str(BUILD / "bench" / program), *SHORT, *arguments], LIMIT_S).splitlines():
        match = LINE.fullmatch(line)
        assert match, f"can't be parsed: {line}"
        matches.append(match)
    return matches


def objects(program, *arguments):
    """The same as objects, that nothing is printed beside."""
    need(program)
    text = sh([str(BUILD / "bench" / program), *SHORT, "--json", "-", *arguments], LIMIT_S)
    return [json.loads(line) for line in text.splitlines()]


def listed(*programs):
    """Pairs of question and line."""
    return [tuple(line.split()) for name in programs
            for line in sh([str(BUILD / "bench" / name), "--list"]).splitlines()]


def every_wanted_line_is_listed():
    names = {line for _, line in listed(*programs)}
    missing = set(WANTED) - names
    assert not missing, f"missing: {missing}"


def every_listed_line_is_printed_once(program):
    printed = [match[1] for match in run(program)]
    assert sorted(printed) == sorted(line for _, line in listed(program))


def as_printed(line, value):
    return 100 * value if line["kind"] == "share" else value


def close(value, text):
    return abs(value - float(text)) <= 0.01 * abs(value) + 1e-4


def the_file_says_what_is_printed(program):
    with tempfile.NamedTemporaryFile("w+") as out:
        out.write("what is there stays\n")
        out.flush()
        printed = run(program, "--json", out.name)
        first, *lines = out.seek(0) or out.read().splitlines()
    assert first == "what is there stays"
    lines = [json.loads(line) for line in lines]
    assert [line["name"] for line in lines] == [match[1] for match in printed]
    for line, match in zip(lines, printed):
        result = line["result"]
        assert close(as_printed(line, result["median"]), match[2]), (line, match[0])
        if line["rounds"] > 1:
            assert close(as_printed(line, result["lower_quartile"]), match[4]), (line, match[0])
            assert close(as_printed(line, result["upper_quartile"]), match[5]), (line, match[0])
        assert match[7] == {True: "yes", False: "NO", None: None}[line.get("reached")], match[0]
        for side in (line["ours"], line.get("peer", line["ours"]), result):
            assert side["lower_quartile"] <= side["median"] <= side["upper_quartile"], line


def results_and_goals_are_of_their_kind(program):
    """Of one round the result can be computed."""
    kinds = {
        "times": (lambda ours, peer: peer / ours, lambda result, goal: result >= goal),
        "share": (lambda ours, peer: peer / ours, lambda result, goal: result >= goal),
        "above": (lambda ours, peer: ours - peer, lambda result, goal: result <= goal),
        "alone": (lambda ours, peer: ours, lambda result, goal: result < goal),
    }
    for line in objects(program, "--rounds", "1"):
        compute, holds = kinds[line["kind"]]
        peer = line.get("peer", {}).get("median")
        assert (peer is None) == (line["kind"] == "alone"), line
        result = line["result"]["median"]
        assert abs(result - compute(line["ours"]["median"], peer)) <= 1e-3 * abs(result) + 1e-3, \
            line
        assert ("goal" in line) == ("reached" in line), line
        if "goal" in line:
            assert line["reached"] == holds(result, line["goal"]), line


def the_machine_is_described():
    described = json.loads(sh([str(BUILD / "bench/machine"), "--json", "-"]))["machine"]
    text = sh([str(BUILD / "bench/machine")])
    for key in ("family", "model", "kernel", "libbpf"):
        assert str(described[key]) in text, (key, text)
    for name in (*described["caches"], *described["mitigations"]):
        assert name in text, (name, text)
    cpuinfo = Path("/proc/cpuinfo").read_text()
    for key, name in (("family", "cpu family"), ("model", "model"), ("vendor", "vendor_id")):
        found = re.search(rf"^{name}\t+: (.*)$", cpuinfo, re.M)
        if found:
            assert str(described[key]) == found[1], (key, described)
    assert re.fullmatch(r"[a-z0-9-]+", described["folder"]), described


def only_named_lines_are_printed():
    assert [match[1] for match in run("memory", "memory-64-single")] == ["memory-64-single"]
    assert run("memory", "produce") == []
    assert len(run("memory", "memory")) == len(listed("memory"))


def tool(*arguments):
    return subprocess.run([str(BUILD / "tools" / "chute"), "bench", *arguments],
                          capture_output=True, text=True)


def the_tool_lists_all_questions():
    out = tool("--list").stdout.splitlines()
    assert sorted(out) == sorted(f"{a} {b}" for a, b in listed(*programs))


def the_tool_runs_what_is_named():
    need("kick-idle")
    run_ = tool("--rounds", "3", "kick-idle")
    assert run_.returncode == 0, run_.stderr
    head, _, table = run_.stdout.partition("\n\n")
    assert head.startswith("CPU  "), run_.stdout
    assert table.startswith("line  ") and table.count("\n") == 2, run_.stdout
    assert LINE.fullmatch(table.splitlines()[1])[1] == "kick-idle", run_.stdout


def the_tool_prints_objects():
    need("kick-idle")
    printed = tool("--rounds", "3", "--json", "kick-idle")
    assert printed.returncode == 0, printed.stderr
    machine, line = map(json.loads, printed.stdout.splitlines())
    assert set(machine) == {"machine"}, machine
    assert line["name"] == "kick-idle" and line["rounds"] == 3, line
    with tempfile.NamedTemporaryFile("w+") as out:
        out.write("what is there goes\n")
        out.flush()
        written = tool("--rounds", "3", "--out", out.name, "kick-idle")
        assert written.returncode == 0, written.stderr
        out.seek(0)
        again = [json.loads(line) for line in out]
    assert again[0].keys() == machine.keys() and again[1].keys() == line.keys(), again


def the_tool_refuses_other_questions():
    for name in ("nonsense", "", "-8", "produce stream", "produc", "machine"):
        run_ = tool("--", name)
        assert run_.returncode == 2 and not run_.stdout, (name, run_)
        assert run_.stderr.startswith("chute bench: "), run_.stderr
    for arguments in (("--json", "--list"), ("--json", "--out", "/dev/null"), ("--rounds", "0"),
                      ("--rounds", "102"), ("--rounds", "3x")):
        run_ = tool(*arguments, "kick-idle")
        assert run_.returncode == 2 and not run_.stdout, (arguments, run_)


def check_kept(folder):
    svgs = sorted(folder.glob("*.svg"))
    assert [path.stem for path in svgs] == sorted(load_script("bench").PLOTS), svgs
    for path in svgs:
        text = path.read_text()
        assert text.count("<path") > 10 and "NaN" not in text, path
    text = (folder / "README.md").read_text()
    lacks = [name for name in WANTED
             if not name.startswith("scaling") and f"\n| `{name}` | " not in text]
    assert not lacks, f"the table lacks {lacks}"
    others = [path for path in folder.iterdir() if path.suffix not in (".svg", ".md")]
    assert not others, others


def runs_are_kept_side_by_side():
    if not shutil.which("gnuplot"):
        raise Skip("gnuplot is missing")
    need("produce")
    bench = load_script("bench")
    lines = [line for program in programs for line in objects(program, "--rounds", "1")]
    machine = json.loads(sh([str(BUILD / "bench/machine"), "--json", "-"]))["machine"]
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        for core in ("Zen 3", "Zen 5", "Zen 3"):
            kept = dict(machine, core=core, folder=core.lower().replace(" ", "-"))
            bench.keep(folder, kept, lines, 0)
        assert sorted(path.name for path in folder.iterdir()) == ["README.md", "zen-3", "zen-5"]
        check_kept(folder / "zen-3")
        check_kept(folder / "zen-5")
        index = (folder / "README.md").read_text()
        for line in lines:
            if line["question"] != "scaling":
                result = re.escape(bench.with_unit(line, line["result"]["median"]))
                row = rf"^\| `{line['name']}` \| {result} \| {result} \|$"
                assert re.search(row, index, re.M), (row, index)


CASES = [
    ("every_wanted_line_is_listed", every_wanted_line_is_listed),
    *((f"every_listed_line_is_printed_once ({name})",
       lambda name=name: every_listed_line_is_printed_once(name)) for name in programs),
    *((f"the_file_says_what_is_printed ({name})",
       lambda name=name: the_file_says_what_is_printed(name))
      for name in ("memory", "wake-latency", "kick-idle", "drain-empty", "stream")),
    *((f"results_and_goals_are_of_their_kind ({name})",
       lambda name=name: results_and_goals_are_of_their_kind(name))
      for name in ("produce", "kick-idle", "drain-empty", "stream")),
    ("the_machine_is_described", the_machine_is_described),
    ("only_named_lines_are_printed", only_named_lines_are_printed),
    ("the_tool_lists_all_questions", the_tool_lists_all_questions),
    ("the_tool_runs_what_is_named", the_tool_runs_what_is_named),
    ("the_tool_prints_objects", the_tool_prints_objects),
    ("the_tool_refuses_other_questions", the_tool_refuses_other_questions),
    ("runs_are_kept_side_by_side", runs_are_kept_side_by_side),
]

if __name__ == "__main__":
    run_cases(CASES)
