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

PROGRAMS = 19


def load(made):
    """{program: instructions}"""
    run = subprocess.run([str(BUILD / "tests/kernel/load"), str(made)], text=True,
                         stdout=subprocess.PIPE, timeout=100)
    if run.returncode == 77:
        raise Skip(run.stdout.strip())
    assert run.returncode == 0, run.stdout
    return dict(line.split() for line in run.stdout.splitlines())


def compiled(folder, compiler, flags, source=SOURCE / "tests/kernel/matrix.bpf.c"):
    if not shutil.which(compiler):
        raise Skip(f"{compiler} is not installed")
    multiarch = sh("cc -print-multiarch").strip()
    made = Path(folder) / "matrix.bpf.o"
    sh([compiler, "-target", "bpf", "-O2", "-g", "-Wall", "-Werror", "-Wno-missing-declarations",
        "-Wno-unknown-warning-option", "-I", str(SOURCE / "include"), "-I", folder,
        "-idirafter", f"/usr/include/{multiarch}", *flags, "-c",
        str(source), "-o", str(made)])
    return made


def write_vmlinux(folder):
    bpftool = shutil.which("bpftool", path=os.environ["PATH"] + ":/usr/sbin")
    header = sh([bpftool, "btf", "dump", "file", "/sys/kernel/btf/vmlinux", "format", "c"])
    (Path(folder) / "vmlinux.h").write_text(header)


def loads(compiler, *flags):
    """A case: the matrix is compiled so, and all of it loads."""

    def case():
        with tempfile.TemporaryDirectory() as folder:
            if "-DVMLINUX" in flags:
                write_vmlinux(folder)
            counts = load(compiled(folder, compiler, flags))
        assert len(counts) == PROGRAMS, f"{len(counts)} programs, not {PROGRAMS}: {counts}"
        print("# instructions: " + ", ".join(f"{name} {counts[name]}" for name in counts))

    return case


def a_receiver_that_reads_past_a_message_is_refused():
    """So the others were looked at."""
    source = ("#include <linux/bpf.h>\n#include <bpf/bpf_helpers.h>\n"
              "#include <chute/chute.bpf.h>\n"
              'char LICENSE[] SEC("license") = "GPL";\n'
              "CHUTE_RING(ring, 65536);\n__u64 sum;\n"
              "static void on(const void *msg, __u32 size, void *ctx)\n"
              "{ sum += *(const __u64 *)(msg + CHUTE_MESSAGE_MAX - 7); }\n"
              "CHUTE_MESSAGES(on)\n"
              'SEC("syscall") int drain(void *ctx)\n'
              "{ return chute_drain_messages(&ring, on, ctx); }\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "past.bpf.c"
        path.write_text(source)
        made = compiled(folder, "clang", (), path)
        run = subprocess.run([str(BUILD / "tests/kernel/load"), str(made)], text=True,
                             stdout=subprocess.PIPE, timeout=100)
    if run.returncode == 77:
        raise Skip(run.stdout.strip())
    assert run.returncode == 1 and "drain is refused" in run.stdout, run.stdout


# Another compiler than the system's, where there is one. Where nothing may be skipped, it
# must be there.
OTHER = "clang-19"


if __name__ == "__main__":
    other = shutil.which(OTHER) or os.environ.get("CHUTE_REQUIRE_BPF")
    run_cases([
        ("clang's default loads", loads("clang")),
        ("clang's -mcpu=v3 loads", loads("clang", "-mcpu=v3")),
        ("what has no kfunc loads", loads("clang", "-mcpu=v3", "-DCHUTE_NO_KFUNCS")),
        ("what is on vmlinux.h loads", loads("clang", "-DVMLINUX")),
        *([("clang 19's default loads", loads(OTHER)),
           ("clang 19's -mcpu=v3 loads", loads(OTHER, "-mcpu=v3"))] if other else []),
        ("a receiver that reads past a message is refused",
         a_receiver_that_reads_past_a_message_is_refused),
    ])
