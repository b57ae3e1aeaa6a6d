# SPDX-License-Identifier: BSD-2-Clause
"""A /dev/shm and a bpffs with known rings in them, where nothing else is and nothing stays."""
import os
import subprocess
import sys

from tap import BUILD, sh

CHUTE = str(BUILD / "tools/chute")
PRIVATE = ["unshare", "-m", "--", "sh", "-c", "mount -t tmpfs tmpfs /dev/shm && "
           "{ mount -t bpf bpf /sys/fs/bpf || :; } && exec \"$@\"", "sh"]
MAP = "/sys/fs/bpf/orders"


def have_map():
    return os.path.exists(MAP)


def make_rings():
    """mem:feed: 500 records of 1 and more bytes; mem:idle: empty; a map: 100 records."""
    for ring, size in (("mem:feed", "64K"), ("mem:idle", "4K"), (MAP, "8K")):
        path = ring if "/" in ring else "/dev/shm/" + ring[4:]
        if os.path.exists(path):
            os.unlink(path)
        subprocess.run([CHUTE, "create", ring, "--size", size], capture_output=True)
    sh(f"seq 500 | {CHUTE} send -q mem:feed")
    if have_map():
        sh(f"seq 100 | {CHUTE} send -q {MAP}")


def go_there(program):
    """Start @program anew in such a place, unless it is there. False: that can't be had."""
    if "CHUTE_TEST_PRIVATE" in os.environ:
        make_rings()
        return True
    if os.geteuid() or subprocess.run([*PRIVATE, "true"], capture_output=True).returncode:
        return False
    os.execvpe("unshare", [*PRIVATE, sys.executable, program],
               dict(os.environ, CHUTE_TEST_PRIVATE="1"))
