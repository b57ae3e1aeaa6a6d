#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_verifier: receivers of all kinds pass the running kernel's verifier, whichever
compiler made them. Prints the number of instructions that it walked through.
"""
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from tap import BUILD, SOURCE, Skip, run_cases, sh  # noqa: E402

# How many each source has, at least.
PROGRAMS = {"matrix": 19, "sizes": 6, "plain": 4}


def load(made, limited=()):
    """{program: instructions}"""
    run = subprocess.run([*limited, str(BUILD / "tests/kernel/load"), str(made)], text=True,
                         stdout=subprocess.PIPE, timeout=300)
    if run.returncode == 77:
        raise Skip(run.stdout.strip())
    assert run.returncode == 0, run.stdout
    return dict(line.split() for line in run.stdout.splitlines())


# Another compiler than the system's, where there is one. Where nothing may be skipped, it
# must be there.
OTHER = "clang-19"


def command(compiler, folder, *flags):
    if not shutil.which(compiler):
        raise Skip(f"{compiler} is not installed")
    multiarch = sh("cc -print-multiarch").strip()
    return [compiler, "-target", "bpf", "-O2", "-g", "-Wall", "-Wextra", "-Werror",
            "-Wno-unknown-warning-option", "-I", str(SOURCE / "include"), "-I", str(folder),
            "-idirafter", f"/usr/include/{multiarch}", *flags]


def compiled(folder, compiler, flags, source):
    """plain.bpf.c shows that the headers give no warning; the matrix leaves parameters."""
    made = Path(folder) / (source + ".o")
    if source == "matrix":
        flags = [*flags, "-Wno-unused-parameter"]
    sh(command(compiler, folder, *flags, "-c", str(SOURCE / "tests/kernel" / (source + ".bpf.c")),
               "-o", str(made)), timeout=600)
    return made


def write_vmlinux(folder):
    bpftool = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin")
    header = sh([bpftool, "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"])
    (Path(folder) / "vmlinux.h").write_text(header)


def loads(compiler, *flags, source="matrix"):
    """A case: the source is compiled so, and all of it loads."""

    def case():
        with tempfile.TemporaryDirectory() as folder:
            if "-DVMLINUX" in flags:
                write_vmlinux(folder)
            counts = load(compiled(folder, compiler, flags, source))
        assert len(counts) >= PROGRAMS[source], f"{len(counts)} programs: {counts}"
        print("# instructions: " + ", ".join(f"{name} {counts[name]}" for name in counts))

    return case


def linux_is(*version):
    """Or newer."""
    major, minor = os.uname().release.split(".")[:2]
    return (int(major), int(minor)) >= version


def a_size_is_a_length():
    refines = ["-DREFINES"] if linux_is(6, 8) else []
    tried = 0
    for compiler in "clang", OTHER:
        for flags in [], ["-mcpu=v3"]:
            if shutil.which(compiler):
                loads(compiler, *flags, *refines, source="sizes")()
                tried += 1
    if not tried:
        raise Skip("there is no clang")


def what_is_loaded_without_cap_perfmon_loads():
    """With CAP_BPF, and CAP_NET_ADMIN for XDP and tc programs: the verifier follows what a CPU
    may guess, too."""
    if os.geteuid() or not shutil.which("setpriv"):
        raise Skip("needs root and setpriv")
    caps = "-all,+bpf,+net_admin"
    limited = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
               f"--inh-caps={caps}", f"--ambient-caps={caps}", f"--bounding-set={caps}"]
    # libbpf looks for a kfunc that is not there in all modules, which is not for them.
    known = [] if linux_is(6, 5) else ["-DCHUTE_NO_KFUNCS"]
    for flags in known, [*known, "-mcpu=v3"]:
        with tempfile.TemporaryDirectory() as folder:
            os.chmod(folder, 0o755)
            made = compiled(folder, "clang", flags, "plain")
            counts = load(made, limited)
        assert len(counts) == PROGRAMS["plain"], counts


def a_receiver_that_reads_past_a_message_is_refused():
    """So the others were looked at."""
    with tempfile.TemporaryDirectory() as folder:
        made = compiled(folder, "clang", ["-DPAST"], "plain")
        run = subprocess.run([str(BUILD / "tests/kernel/load"), str(made)], text=True,
                             stdout=subprocess.PIPE, timeout=300)
    if run.returncode == 77:
        raise Skip(run.stdout.strip())
    assert run.returncode == 1 and "messages is refused" in run.stdout, run.stdout


def a_receiver_that_was_not_named_is_an_error_that_says_so():
    with tempfile.TemporaryDirectory() as folder:
        run = subprocess.run(command("clang", folder, "-DFORGOTTEN", "-fsyntax-only",
                                     str(SOURCE / "tests/kernel/plain.bpf.c")), text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=300)
    assert run.returncode, "it compiles"
    assert "on_pair__must_be_named_by_CHUTE_RECEIVE" in run.stdout, run.stdout


if __name__ == "__main__":
    other = shutil.which(OTHER) or os.environ.get("CHUTE_REQUIRE_BPF")
    run_cases([
        ("clang's default loads", loads("clang")),
        ("clang's -mcpu=v3 loads", loads("clang", "-mcpu=v3")),
        ("what has no kfunc loads", loads("clang", "-mcpu=v3", "-DCHUTE_NO_KFUNCS")),
        ("what is on vmlinux.h loads", loads("clang", "-DVMLINUX")),
        *([("clang 19's default loads", loads(OTHER)),
           ("clang 19's -mcpu=v3 loads", loads(OTHER, "-mcpu=v3"))] if other else []),
        ("a size is a length", a_size_is_a_length),
        ("what is loaded without CAP_PERFMON loads", what_is_loaded_without_cap_perfmon_loads),
        ("a receiver that reads past a message is refused",
         a_receiver_that_reads_past_a_message_is_refused),
        ("a receiver that was not named is an error that says so",
         a_receiver_that_was_not_named_is_an_error_that_says_so),
    ])
