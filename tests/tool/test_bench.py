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
LINE = re.compile(rf"(\S+) ours ({NUMBER}) (\S+) peer ({NUMBER}) (\S+) ratio ({NUMBER})")
SHORT = ["--rounds", "3", "--round-ms", "1"]
# Without them the table of questions would have a hole.
WANTED = """produce stream stream-batch64 stream-pack stream-pack-64B stream-pack-mixed
drain-wakeup wake-latency-full wake-latency-nearly-full against-map memory-8-single
memory-8-batch32 memory-64-single memory-64-batch32 shared-1 shared-2 shared-2-batch32
shared-4on1 lanes-2 scaling-4K-8 scaling-64M-64K""".split()

questions = load_script("bench").QUESTIONS


def need(question):
    """Run once, for a moment: can it be measured here?"""
    if len(os.sched_getaffinity(0)) < 2:
        raise Skip("one CPU only")
    if question != "memory" and os.geteuid():
        raise Skip("BPF needs root")


def run(question, *arguments):
    """What a program prints: lines as matches. Fails if something else is there."""
    need(question)
    matches = []
    for line in sh([str(BUILD / "bench" / question), *SHORT, *arguments]).splitlines():
        if line.startswith("#   "):
            continue
        match = LINE.fullmatch(line)
        assert match, f"can't be parsed: {line}"
        assert match[3] == match[5], f"two units: {line}"
        matches.append(match)
    return matches


def listed(*programs):
    """Pairs of question and line."""
    return [tuple(line.split()) for name in programs
            for line in sh([str(BUILD / "bench" / name), "--list"]).splitlines()]


def every_wanted_line_is_listed():
    names = {line for _, line in listed(*questions)}
    missing = set(WANTED) - names
    assert not missing, f"missing: {missing}"


def every_listed_line_is_printed_once(question):
    printed = [match[1] for match in run(question)]
    assert sorted(printed) == sorted(line for _, line in listed(question))


def the_file_says_what_is_printed(question):
    with tempfile.NamedTemporaryFile() as out:
        printed = run(question, "--json", out.name)
        lines = json.load(out)
    assert [line["name"] for line in lines] == [match[1] for match in printed]
    for line, match in zip(lines, printed):
        for value, text in ((line["ours"], match[2]), (line["peer"], match[4]),
                            (line["ratio"], match[6])):
            assert value["lower_quartile"] <= value["median"] <= value["upper_quartile"]
            assert abs(value["median"] - float(text)) <= 0.01 * value["median"] + 1e-4, match[0]
            assert value["rounds"]


def only_named_lines_are_printed():
    assert [match[1] for match in run("memory", "memory-64-single")] == ["memory-64-single"]
    assert run("memory", "produce") == []
    assert len(run("memory", "memory")) == len(listed("memory"))


def tool(*arguments):
    return subprocess.run([str(BUILD / "tools" / "chute"), "bench", *arguments],
                          capture_output=True, text=True)


def the_tool_lists_all_questions():
    assert tool("--list").stdout == "".join(f"{a} {b}\n" for a, b in listed(*questions))


def the_tool_runs_what_is_named():
    need("memory")
    run_ = tool("memory-8-packed")
    assert run_.returncode == 0, run_.stderr
    assert LINE.fullmatch(run_.stdout.splitlines()[0])[1] == "memory-8-packed", run_.stdout
    assert len(run_.stdout.splitlines()) == 2, run_.stdout


def the_tool_prints_objects():
    need("memory")
    run_ = tool("--json", "memory-8-packed")
    assert run_.returncode == 0, run_.stderr
    line = json.loads(run_.stdout)
    assert run_.stdout.count("\n") == 1, run_.stdout
    assert set(line) == {"name", "unit", "ours", "peer", "ratio", "comment"}, line
    assert line["name"] == "memory-8-packed" and not line["comment"].startswith("#"), line
    assert line["unit"] == "ns" and line["ours"] > 0 and line["peer"] > 0, line
    # The ratio is a median, too, and lies between its quartiles.
    low, high = re.search(r"ratio ([\d.]+)-([\d.]+)", line["comment"]).groups()
    assert float(low) <= line["ratio"] <= float(high), line
    run_ = tool("--json", "--list")
    assert run_.returncode == 2 and not run_.stdout, run_


def the_tool_refuses_other_questions():
    for name in ("nonsense", "", "-8", "produce stream", "produc"):
        run_ = tool("--", name)
        assert run_.returncode == 2 and not run_.stdout, (name, run_)
        assert run_.stderr.startswith("chute bench: "), run_.stderr


def plots_are_drawn_of_a_whole_run():
    if not shutil.which("gnuplot"):
        raise Skip("gnuplot is missing")
    need("produce")
    bench = load_script("bench")
    with tempfile.TemporaryDirectory() as folder:
        lines = []
        for question in questions:
            path = Path(folder) / "lines"
            run(question, "--json", str(path), "--rounds", "1")
            lines += json.loads(path.read_text())
        bench.plot(Path(folder), {"machine": bench.machine(), "lines": lines})
        plots = sorted(Path(folder).glob("*.svg"))
        assert len(plots) == 7, plots
        for path in plots:
            text = path.read_text()
            assert text.count("<path") > 10 and "NaN" not in text, path


CASES = [
    ("every_wanted_line_is_listed", every_wanted_line_is_listed),
    *((f"every_listed_line_is_printed_once ({name})",
       lambda name=name: every_listed_line_is_printed_once(name)) for name in questions),
    *((f"the_file_says_what_is_printed ({name})",
       lambda name=name: the_file_says_what_is_printed(name))
      for name in ("memory", "wake-latency")),
    ("only_named_lines_are_printed", only_named_lines_are_printed),
    ("the_tool_lists_all_questions", the_tool_lists_all_questions),
    ("the_tool_runs_what_is_named", the_tool_runs_what_is_named),
    ("the_tool_prints_objects", the_tool_prints_objects),
    ("the_tool_refuses_other_questions", the_tool_refuses_other_questions),
    ("plots_are_drawn_of_a_whole_run", plots_are_drawn_of_a_whole_run),
]

if __name__ == "__main__":
    run_cases(CASES)
