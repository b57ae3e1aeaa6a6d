#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_pages: what the man pages state of the code is what the code has.

Prototypes, error numbers, the layout of the pages and the labels of memory ordering;
and the checkers themselves, on trees that are broken on purpose.
"""
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import SOURCE, Skip, load_script, run_cases, sh  # noqa: E402

labels = load_script("check-labels")

CHUTE3 = (SOURCE / "man/chute.3").read_text()
CHUTE7 = (SOURCE / "man/chute.7").read_text()
HEADERS = sorted(path for path in (SOURCE / "include/chute").glob("*.h")
                 if not path.name.endswith(".bpf.h"))


def compiles(*lines):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "page.c"
        path.write_text("\n".join(lines) + "\n")
        sh(["cc", "-std=gnu11", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I",
            str(SOURCE / "include"), "-I", str(SOURCE / "src"), str(path)])


def section(page, name):
    return re.search(rf"^\.Sh {name}\n(.*?)(?=^\.Sh |\Z)", page, re.M | re.S)[1]


def prototypes():
    """{name: declaration} of the synopsis; macros are not among them."""
    text = section(CHUTE3, "SYNOPSIS")
    text = re.sub(r"^\.Fo (\w+)\n(.*?)^\.Fc", lambda m: f".Fn {m[1]} " +
                  " ".join(re.findall(r'^\.Fa (".*")$', m[2], re.M)), text, flags=re.M | re.S)
    found = {}
    for kind, name, args in re.findall(r"^\.Ft (.*)\n\.Fn (\w+) (.*)$", text, re.M):
        parameters = ", ".join(re.findall(r'"(.*?)"', args))
        found[name] = f"{kind} {name}({parameters});"
    return found


def exported(path):
    return re.findall(r"^\t(\w+);$", (SOURCE / path).read_text().split("local:")[0], re.M)


def lint(page):
    if not shutil.which("mandoc"):
        raise Skip("mandoc is missing")
    sh(["mandoc", "-Tlint", "-Wwarning", str(page)])


def the_synopsis_has_the_headers_prototypes():
    found = prototypes()
    assert len(found) > 30, f"only {sorted(found)}"
    compiles(*(f"#include <chute/{path.name}>" for path in HEADERS), *found.values())


def calls():
    """Names in the synopsis, without types."""
    return {name for name, text in prototypes().items() if not text.startswith("typedef")}


def every_exported_call_is_in_the_synopsis():
    wanted = {name for name in exported("src/chute.map") + exported("src/dropin/libbpf.map")
              if not name.endswith("_slow")}
    assert wanted <= calls(), f"lacks {sorted(wanted - calls())}"
    inline = set(re.findall(r"^static inline [\w *]*?(\w+)\(",
                            "".join(path.read_text() for path in HEADERS), re.M))
    assert calls() - wanted <= inline, f"no call is {sorted(calls() - wanted - inline)}"


def macros_of_the_synopsis_are_the_bpf_headers():
    lines = section(CHUTE3, "SYNOPSIS").split("\n")
    shown = [(line.split()[1], line.count('"') // 2) for before, line in zip(lines, lines[1:])
             if line.startswith(".Fn ") and not before.startswith(".Ft ")]
    header = "".join(path.read_text() for path in (SOURCE / "include/chute").glob("*.bpf.h"))
    defined = [(name, args.count(",") + 1) for name, args in
               re.findall(r"^#define (\w+)\(([\w, ]+)\)", header, re.M)]
    assert shown and set(shown) <= set(defined), f"no macro is {set(shown) - set(defined)}"


def every_call_has_its_name_on_the_page():
    names = set(re.findall(r"^\.Nm (\w+)", section(CHUTE3, "NAME"), re.M))
    assert names == calls(), f"differ in {sorted(names ^ calls())}"


def every_error_of_the_headers_is_on_the_page():
    named = set(re.findall(r"\bE[A-Z0-9]{3,}\b", section(CHUTE3, "ERRORS")))
    for path in HEADERS:
        comments, _ = labels.split(path.read_text())
        for line, _, text in comments:
            missing = set(re.findall(r"\bE(?!POLL)[A-Z0-9]{3,}\b", text)) - named
            assert not missing, f"{path.name}:{line}: {sorted(missing)} not in ERRORS"


def structs_on_the_page_are_the_headers():
    shown = re.findall(r"^struct (\w+) \{\n(.*?)^\};", CHUTE3, re.M | re.S)
    shown = [(name, body) for name, body in shown if name.startswith("chute_")]
    assert shown, "no struct is shown"
    for name, body in shown:
        fields = re.findall(r"(\w+);", body)
        compiles(*(f"#include <chute/{path.name}>" for path in HEADERS),
                 f"struct page {{\n{body}}};",
                 f'_Static_assert(sizeof(struct page) == sizeof(struct {name}), "size");',
                 *(f"_Static_assert(__builtin_offsetof(struct page, {field}) == "
                   f'__builtin_offsetof(struct {name}, {field}), "{field}");'
                   for field in fields))


def layout(page):
    rows = re.findall(r"^([01])\|(\d+)\|(\w+)\|(\w+)\|", page, re.M)
    assert rows, "no table of the layout"
    return rows


def check_layout(page):
    """Every word of the two pages is in the table, at its offset and with its size."""
    types = {"ulong": "unsigned long", "u32": "__u32", "u64": "__u64"}
    structs = ("chute_consumer_page", "chute_producer_page")
    _, code = labels.split((SOURCE / "src/ring/ring.h").read_text())
    rows = layout(page)
    for number, struct in enumerate(structs):
        body = re.search(rf"struct {struct} \{{(.*?)\}};", code, re.S)[1]
        body = re.sub(r"\{.*?\}", "", body, flags=re.S)
        words = set(re.findall(r"(\w+)(?:\[\w+\])?(?: CHUTE_LINE)?;", body))
        named = {word for at, _, word, _ in rows if int(at) == number}
        assert words == named, f"{struct}: differ in {sorted(words ^ named)}"
    compiles('#include "ring/ring.h"', *(
        f"_Static_assert(__builtin_offsetof(struct {structs[int(at)]}, {word}) == {offset}, "
        f'"{word}");' for at, offset, word, _ in rows), *(
        f"_Static_assert(sizeof(((struct {structs[int(at)]} *)0)->{word}) == "
        f'sizeof({types[kind]}), "{word}");' for at, _, word, kind in rows if kind in types))


def bits_of_an_owner_are_the_codes():
    source = (SOURCE / "src/owner.c").read_text()
    starts = [0, *(int(at) for at in re.findall(r"^#define \w+_SHIFT\s+(\d+)", source, re.M)), 64]
    shown = re.findall(r"\(bits (\d+) to (\d+)\)", section(CHUTE7, "OWNERS"))
    assert [(int(first), int(last) + 1) for first, last in shown] == \
        list(zip(starts, starts[1:])), f"{shown} on the page, {starts} in owner.c"


def magic_numbers_are_the_codes():
    source = "".join(path.read_text() for path in [*HEADERS, SOURCE / "src/ring/ring.c"])
    defined = set(re.findall(r"^#define \w+_MAGIC\s+(0x[0-9a-f]+)", source, re.M))
    assert defined and all(number in CHUTE7 for number in defined), defined


def a_wrong_layout_is_found():
    for old, new in (("|64|owner|u64|", "|72|owner|u64|"), ("|version|u32|", "|version|u64|"),
                     ("1|192|data_seq|", "0|192|data_seq|")):
        assert old in CHUTE7, old
        try:
            check_layout(CHUTE7.replace(old, new))
        except AssertionError:
            continue
        raise RuntimeError(f"{new} was accepted")


def labels_agree():
    rows, wrong = labels.check(SOURCE)
    assert rows and not wrong, "\n".join(wrong)


def broken_label(path, old, new, what):
    """A copy of the tree with @old made @new is reported with @what."""
    with tempfile.TemporaryDirectory() as folder:
        for part in ("src", "include", "man"):
            shutil.copytree(SOURCE / part, Path(folder) / part)
        text = (Path(folder) / path).read_text()
        assert re.search(old, text, re.S), f"{path} has no {old}"
        (Path(folder) / path).write_text(re.sub(old, new, text, count=1, flags=re.S))
        _, wrong = labels.check(Path(folder))
        assert any(what in line for line in wrong), f"{what}: not in {wrong}"


def files_that_the_prose_names_exist():
    for name in ("README.md", "CONTRIBUTING.md"):
        text = (SOURCE / name).read_text()
        paths = re.findall(r"`([\w./-]+/[\w./-]*|\w+\.(?:md|build))`", text)
        paths += re.findall(r"\]\((?!https?:)([^)#]+)\)", text)
        assert paths, f"{name} names no file"
        for path in paths:
            made = path.startswith(("build", "chute/", "kernel/", "/"))
            assert made or (SOURCE / path).exists(), f"{name}: there is no {path}"


def the_changelog_has_this_version():
    version = re.search(r"version: '([\d.]+)'", (SOURCE / "meson.build").read_text())[1]
    assert f"## [{version}]" in (SOURCE / "CHANGELOG.md").read_text(), version


BROKEN = [
    ("a label that the table lacks is found", "man/chute.7", r"\nD2\|", "\nD9|",
     "D2 is not in the table"),
    ("a label that no code has is found", "src/consumer/drain.c", r"/\* B1: pairs with B0\. \*/", "/* x */",
     "B1 is in the table, and no code has it"),
    ("a release without a label is found", "src/consumer/drain.c", r"/\* D2: pairs with C0\.",
     "/* Now.", "chute_store_release() without a label"),
    ("a second release below one label is found", "src/consumer/drain.c", r"(chute_store_release\(.*?;)",
     r"\1 \1", "chute_store_release() without a label"),
    ("a full barrier without a label is found", "src/wait.c", r"/\* K1: pairs with K0\.",
     "/* Says so.", "chute_exchange() without a label"),
    ("a label of the wrong kind is found", "src/wait.c", r"/\* C0: ", "/* K1: ",
     "chute_load_acquire() is K1, which is full"),
    ("a partner that the table lacks is found", "man/chute.7", r"(T\}\|P1[^\n]*), L1\n", r"\1\n",
     "D1 lacks its partner L1"),
    ("a partner that is not mutual is found", "man/chute.7", r"(\nO0\|.*?T\}\|)O1\b", r"\1B1\n",
     "O0 names B1, which does not name O0"),
    ("an atomic access past the helpers is found", "src/wait.c", r"chute_pause\(\);",
     "__atomic_thread_fence(0);", "no helper of atomic.h"),
]


def main():
    pages = sorted((SOURCE / "man").glob("*.[1-8]"))
    assert len(pages) >= 2, pages
    cases = [(f"{page.name} is free of warnings", lambda page=page: lint(page)) for page in pages]
    cases += [(case.__name__.replace("_", " "), case) for case in (
        the_synopsis_has_the_headers_prototypes,
        every_exported_call_is_in_the_synopsis,
        macros_of_the_synopsis_are_the_bpf_headers,
        every_call_has_its_name_on_the_page,
        every_error_of_the_headers_is_on_the_page,
        structs_on_the_page_are_the_headers,
        bits_of_an_owner_are_the_codes,
        magic_numbers_are_the_codes,
        a_wrong_layout_is_found,
        labels_agree,
        files_that_the_prose_names_exist,
        the_changelog_has_this_version,
    )]
    cases.append(("the layout on the page is the code's", lambda: check_layout(CHUTE7)))
    cases += [(name, lambda how=how: broken_label(*how)) for name, *how in BROKEN]
    run_cases(cases)


if __name__ == "__main__":
    main()
