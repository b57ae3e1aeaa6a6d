#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_install: what a user gets: programs built against an installed tree, by what
pkg-config says of it, in C and C++, with gcc and clang, shared and static.
"""
import os
import re
import shutil
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import SOURCE, Skip, run_cases, run_staged, sh  # noqa: E402

HERE = SOURCE / "tests/install"
WARNINGS = ["-Wall", "-Wextra", "-Wshadow", "-pedantic", "-Werror"]
CPLUSPLUS = ["-x", "c++", "-std=c++17"]
DIALECTS = [  # what it is called, the compiler, its language
    ("c11", "gcc", ["-std=c11"]),
    ("gnu11", "gcc", ["-std=gnu11"]),
    ("c++17", "g++", CPLUSPLUS),
    ("c11 (clang)", "clang", ["-std=c11"]),
    ("c++17 (clang)", "clang++", CPLUSPLUS),
]


def stage():
    return Path(os.environ["CHUTE_STAGE_LIB"]), Path(os.environ["CHUTE_STAGE_INCLUDE"])


def flags(*which):
    return sh(["pkg-config", *which, "chute"]).split()


def compiler(name):
    if not shutil.which(name):
        raise Skip(f"{name} is missing")
    return name


def build(out, source, how, *more):
    """Compile with the warnings of a careful user, for whom ours are no system headers."""
    _, cc, language = how
    # The language is the source's alone. With nothing else that has one, clang 19 complains.
    files = [] if all(word.startswith("-") for word in more) else ["-x", "none"]
    sh([compiler(cc), *language, *WARNINGS, "-O2", str(source), *files, "-o", str(out), *more])
    return str(out)


def a_client_links_with(how, out):
    out = build(out, HERE / "client.c", how, *flags("--cflags", "--libs"))
    sh([out])
    assert "libchute.so.0" in sh(["ldd", out])


def a_client_links_statically(how, out):
    lib, _ = stage()
    out = build(out, HERE / "client.c", how, *flags("--cflags"), str(lib / "libchute.a"))
    sh([out])
    assert "libchute" not in sh(["ldd", out])


def a_client_needs_no_shared_library(how, out):
    out = build(out, HERE / "client.c", how, "-static", *flags("--cflags", "--static", "--libs"))
    sh([out])
    assert "dynamic" not in sh(["readelf", "-lW", out]).lower()


def headers():
    _, include = stage()
    return sorted(path for path in (include / "chute").glob("*.h")
                  if not path.name.endswith(".bpf.h"))


def every_header_compiles_alone(how, out):
    assert len(headers()) >= 5, headers()
    for header in headers():
        source = out.with_suffix(".c")
        # Twice: a header may be included more than once.
        source.write_text(2 * f"#include <chute/{header.name}>\n" +
                          "int main(void) { return 0; }\n")
        build(out, source, how, *flags("--cflags"))


def every_header_is_installed():
    ours = {path.name for path in (SOURCE / "include/chute").glob("*.h")}
    _, include = stage()
    theirs = {path.name for path in (include / "chute").glob("*.h")}
    assert ours == theirs, f"differ in {sorted(ours ^ theirs)}"


def six_calls_link(how, out, *defines):
    lib, include = stage()
    out = build(out, HERE / "six_calls.c", how, *defines, f"-I{include}", f"-L{lib}",
                "-lchute-libbpf")
    sh([out])
    assert "libchute-libbpf.so.0" in sh(["ldd", out])


def without_libbpf(folder):
    """Compiler arguments by which /usr/include has no bpf/."""
    tree = folder / "include"
    if not tree.exists():
        tree.mkdir()
        for path in Path("/usr/include").iterdir():
            if path.name != "bpf":
                (tree / path.name).symlink_to(path)
    dirs = [sh(["gcc", "-print-file-name=include"]).strip(), str(tree)]
    multiarch = sh(["gcc", "-print-multiarch"]).strip()
    if multiarch:
        dirs.insert(1, str(tree / multiarch))
    return ["-nostdinc", *(arg for name in dirs for arg in ("-isystem", name))]


def six_calls_without_libbpf(out):
    arguments = without_libbpf(out.parent)
    probe = out.with_suffix(".c")
    probe.write_text("#if __has_include(<bpf/libbpf.h>)\n#error it is there\n#endif\n"
                     "int main(void) { return 0; }\n")
    build(out, probe, DIALECTS[0], *arguments)
    six_calls_link(DIALECTS[0], out, *arguments)


def six_calls_with_an_older_libbpf(out):
    """Version 1.0 had no user ring buffers."""
    old = out.parent / "old" / "bpf"
    old.mkdir(parents=True)
    (old / "libbpf.h").write_text("struct ring_buffer;\n")
    (old / "libbpf_version.h").write_text("#define LIBBPF_MAJOR_VERSION 1\n"
                                          "#define LIBBPF_MINOR_VERSION 0\n")
    for more in ([], ["-DLIBBPF_FIRST"], ["-DLIBBPF_LAST"]):
        six_calls_link(DIALECTS[0], out, f"-I{old.parent}", *more)


def libbpf_is_there():
    if not Path("/usr/include/bpf/libbpf.h").exists():
        raise Skip("libbpf's headers are missing")


def six_calls_beside_libbpf(how, out):
    libbpf_is_there()
    for more in ([], ["-DLIBBPF_FIRST"], ["-DLIBBPF_LAST"], ["-DLIBBPF_FIRST", "-DLIBBPF_LAST"]):
        six_calls_link(how, out, *more)


def declarations_are_libbpfs(out):
    """Both in one file: the compiler refuses what does not agree."""
    libbpf_is_there()
    _, include = stage()
    text = (include / "chute/user_ring_buffer.h").read_text()
    ours = re.findall(r"^(?:struct user_ring_buffer \*|void \*|void )user_ring_buffer__\w+\(.*?\);",
                      text, re.M | re.S)
    assert len(ours) == 6, ours
    source = out.with_suffix(".c")
    source.write_text("#include <bpf/libbpf.h>\n" + "\n".join(ours) + "\nint main(void) {}\n")
    build(out, source, DIALECTS[0])


def exports(library, version_script, version):
    lib, _ = stage()
    text = (SOURCE / "src" / version_script).read_text().split("local:")[0]
    wanted = {f"{name}@@{version}" for name in re.findall(r"^\t(\w+);$", text, re.M)}
    lines = [line.split() for line in
             sh(["nm", "-D", "--defined-only", str(lib / library)]).splitlines()]
    found = {name for _, kind, name in lines if kind != "A"}
    assert wanted == found, f"differ in {sorted(wanted ^ found)}"


def needs_libc_alone(library):
    lib, _ = stage()
    dynamic = sh(["readelf", "-dW", str(lib / library)])
    needed = re.findall(r"NEEDED.*\[(.*)\]", dynamic)
    # libc's own cancellation of threads unwinds by libgcc_s, and so do our cleanups.
    assert set(needed) - {"libgcc_s.so.1"} == {"libc.so.6"}, needed
    assert re.findall(r"SONAME.*\[(.*)\]", dynamic) == [library], dynamic


def man_pages_are_installed():
    _, include = stage()
    man = include.parent / "share/man"
    if os.environ["CHUTE_DOCS"] == "no":
        assert not man.exists(), "there are manual pages in a build without"
        return
    for page in (SOURCE / "man").glob("*.[1-8]"):
        path = man / f"man{page.suffix[1:]}" / page.name
        assert path.read_text() == page.read_text(), path


def main():
    run_staged(__file__)
    with tempfile.TemporaryDirectory() as top:
        out = Path(top) / "client"
        cases = []
        for how in DIALECTS:
            name = how[0]
            cases += [
                (f"a client in {name} links with the shared library",
                 lambda how=how: a_client_links_with(how, out)),
                (f"a client in {name} links with the static library",
                 lambda how=how: a_client_links_statically(how, out)),
                (f"every header compiles alone in {name}",
                 lambda how=how: every_header_compiles_alone(how, out)),
                (f"the six calls in {name} stand beside libbpf's header",
                 lambda how=how: six_calls_beside_libbpf(how, out)),
            ]
        cases += [
            ("a client needs no shared library at all",
             lambda: a_client_needs_no_shared_library(DIALECTS[0], out)),
            ("every header is installed", every_header_is_installed),
            ("the six calls need no libbpf", lambda: six_calls_without_libbpf(out)),
            ("the six calls stand beside an older libbpf",
             lambda: six_calls_with_an_older_libbpf(out)),
            ("the six calls are declared as libbpf does", lambda: declarations_are_libbpfs(out)),
            ("libchute exports what chute.map says",
             lambda: exports("libchute.so.0", "chute.map", "CHUTE_0.1")),
            ("the drop-in exports libbpf's six calls",
             lambda: exports("libchute-libbpf.so.0", "dropin/libbpf.map", "LIBBPF_1.1.0")),
            ("libchute needs libc alone", lambda: needs_libc_alone("libchute.so.0")),
            ("the drop-in needs libc alone", lambda: needs_libc_alone("libchute-libbpf.so.0")),
            ("the man pages are installed", man_pages_are_installed),
        ]
        run_cases(cases)


if __name__ == "__main__":
    main()
