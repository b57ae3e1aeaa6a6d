#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_layers: includes point down, by the table in CONTRIBUTING.md; and the checker
itself, on trees that are broken on purpose.
"""
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import SOURCE, load_script, run_cases  # noqa: E402

layers = load_script("check-layers")

BROKEN = [
    ("an include that points up is found", "src/ring/ring.c", "producer/producer.h",
     "points up, from ring to producer"),
    ("one within the rows that is not for this layer is found", "src/consumer/drain.c",
     "producer/producer.h", "is not for consumer"),
    ("a header of the library in the tool is found", "tools/main.c", "../src/ring/ring.h",
     "is not for tool"),
]


def includes_point_down():
    rows, wrong, graph = layers.check(SOURCE)
    assert rows and graph and not wrong, "\n".join(wrong)


def every_place_of_the_table_exists():
    for name, places in layers.layers(SOURCE):
        assert places, f"{name} has no place"
        for place in places:
            assert (SOURCE / place).exists(), place


def copied(change):
    """What is wrong with a copy of the tree after @change."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder).resolve()
        for part in ("src", "tools", "include"):
            shutil.copytree(SOURCE / part, tree / part)
        shutil.copy(SOURCE / "CONTRIBUTING.md", tree)
        change(tree)
        return layers.check(tree)[1]


def broken(path, header, what):
    def change(tree):
        (tree / path).write_text(f'#include "{header}"\n' + (SOURCE / path).read_text())
    wrong = copied(change)
    assert [line for line in wrong if path in line and what in line], f"{what}: not in {wrong}"


def a_file_of_no_layer_is_found():
    wrong = copied(lambda tree: (tree / "src/more.c").write_text("int more;\n"))
    assert wrong == ["src/more.c is in no layer of CONTRIBUTING.md"], wrong


def main():
    cases = [(case.__name__.replace("_", " "), case) for case in (
        includes_point_down, every_place_of_the_table_exists, a_file_of_no_layer_is_found)]
    cases += [(name, lambda how=how: broken(*how)) for name, *how in BROKEN]
    run_cases(cases)


if __name__ == "__main__":
    main()
