#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_verbs: every verb of the tool has a page, and takes the options that its --help and its
page have; and the checkers themselves, on pages that are broken on purpose.
"""
import re
import sys
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import SOURCE, run_cases  # noqa: E402
import verbs  # noqa: E402

MAN = SOURCE / "man"


def page(verb):
    path = MAN / f"chute-{verb}.1"
    assert path.exists(), f"chute {verb} has no page man/{path.name}"
    return path.read_text()


def check_help(verb):
    text = verbs.help_of(verb)
    assert text.startswith(f"usage: chute {verb}"), text.split("\n")[0]
    assert re.search(rf"^Examples?:.*\n(?:.*\n)*?  .*\bchute {verb}\b", text, re.M), \
        "no example of itself"
    long = [line for line in text.split("\n") if len(line) > 90]
    assert not long, long
    # All lines that look like options have been understood.
    lines = re.findall(r"^ +(?:-\w, +)?--[\w-]+", text, re.M)
    assert len(lines) == len([name for name in verbs.in_help(text) if len(name) > 1]), lines


def check_code(verb):
    shown = verbs.in_help(verbs.help_of(verb))
    refused = [name for name, value in {**shown, "help": ""}.items()
               if not verbs.is_taken(verb, name, value)]
    assert not refused, f"not taken: {refused}"
    assert not verbs.is_taken(verb, "nonsense", "")


def compare(text, options):
    """A page's text and its verb's options by --help."""
    listed, shown = verbs.on_page(text)
    options = {name: bool(value) for name, value in options.items()
               if name not in verbs.COMMON | {"h"}}
    assert set(listed) == set(options), f"differ in {sorted(set(listed) ^ set(options))}"
    wrong = [name for name in options if options[name] != listed[name]]
    assert not wrong, f"a value, or none: {wrong}"
    # -q stands for --quiet there.
    lacks = {name for name in options if len(name) > 1} - shown - {"quiet"}
    assert not lacks, f"the synopsis lacks {sorted(lacks)}"
    assert shown <= set(options), f"only the synopsis has {sorted(shown - set(options))}"


def check_page(verb):
    text = page(verb)
    assert re.search(rf"^\.Dt CHUTE-{verb.upper()} 1$", text, re.M), "another title"
    assert f".Nm chute-{verb}\n" in text, "another name"
    compare(text, verbs.in_help(verbs.help_of(verb)))


def every_page_is_a_verbs():
    pages = {path.stem.split("-", 1)[1] for path in MAN.glob("chute-*.1")}
    assert pages == set(verbs.table()), f"differ in {sorted(pages ^ set(verbs.table()))}"


def every_page_is_installed():
    listed = set(re.findall(r"'([\w.-]+)'", (MAN / "meson.build").read_text()))
    there = {path.name for path in MAN.glob("*.[1-8]")}
    assert listed == there, f"differ in {sorted(listed ^ there)}"


def the_overview_has_every_verb():
    text = (MAN / "chute.1").read_text()
    listed = re.findall(r"^\.It Cm (\w+)\n(?:.*\n)*?\.Xr chute-(\w+) 1", text, re.M)
    assert all(a == b for a, b in listed), listed
    listed = {verb for verb, _ in listed}
    assert listed == set(verbs.table()), f"differ in {sorted(listed ^ set(verbs.table()))}"
    for name in verbs.COMMON:
        assert f"Fl -{name}\n" in text, name


def the_readme_has_every_verb():
    text = (SOURCE / "README.md").read_text()
    lacks = [verb for verb in verbs.table() if f"`chute {verb}`" not in text]
    assert not lacks, f"README.md lacks {lacks}"


def differences_are_found():
    text, options = page("send"), verbs.in_help(verbs.help_of("send"))
    compare(text, options)
    for old, new in ((".It Fl -rate Ar n\n", ".It Fl -rote Ar n\n"),
                     (".It Fl -rate Ar n\n", ".It Fl -rate\n"),
                     (".It Fl -rate Ar n\n", ".It Fl -rate Ar n\n.It Fl -new\n"),
                     (".Op Fl -pack\n", ""), (".Op Fl -pack\n", ".Op Fl -pock\n")):
        assert old in text, old
        try:
            compare(text.replace(old, new, 1), options)
        except AssertionError:
            continue
        raise RuntimeError(f"{old!r} as {new!r} was accepted")


def main():
    cases = [(case.__name__.replace("_", " "), case) for case in (
        every_page_is_a_verbs,
        every_page_is_installed,
        the_overview_has_every_verb,
        the_readme_has_every_verb,
        differences_are_found,
    )]
    for verb in verbs.table():
        cases += [
            (f"chute {verb} --help has an example", lambda verb=verb: check_help(verb)),
            (f"chute {verb} takes the options of its help", lambda verb=verb: check_code(verb)),
            (f"chute-{verb}.1 has the options of its help", lambda verb=verb: check_page(verb)),
        ]
    run_cases(cases)


if __name__ == "__main__":
    main()
