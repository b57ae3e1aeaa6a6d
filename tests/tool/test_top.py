#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""test_top: chute top on a terminal: its screens to the character, each of its keys, and
how it leaves the terminal. Rings are memory rings, and one in a map of the kernel.
"""
import os
import pty
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.dont_write_bytecode = True
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
sys.path.insert(0, str(Path(__file__).resolve().parent))
from tap import Skip, run_cases, sh  # noqa: E402
from place import CHUTE, MAP, go_there, have_map, make_rings  # noqa: E402
from terminal import PATIENCE, Terminal  # noqa: E402


def top(*arguments):
    """A command that shows our rings as they are, and only once."""
    return " ".join([CHUTE, "top --interval 1000", *(arguments or ("mem:feed", "mem:idle", MAP))])


def on_top(function, columns=80, rows=24, arguments=(), **env):
    if not have_map() and not arguments:
        raise Skip("no map can be made here")
    with Terminal(columns, rows, **env) as terminal:
        terminal.run("clear; " + top(*arguments))
        terminal.see("chute top:")
        function(terminal)


# ---- screens ----

TABLE = """
chute top: 3 rings, every 1000 s
 RING^                      SIZE FILL                   IN         OUT RECENT IN
>/sys/fs/bpf/orders or   8.0 KiB █▋        20%           -           -
 mem:feed               64.0 KiB █         12%           -           -
 mem:idle                4.0 KiB            0%           -           -
{}
 q quit  s sort  r reverse  / filter  f freeze  Enter open  h help
"""


def blanks(text, rows):
    """@text, with as many empty lines in the place of {} as make @rows lines."""
    have = text.strip("\n").count("\n")
    return text.format("\n" * (rows - have - 1))


def the_table_at_80x24():
    on_top(lambda terminal: terminal.see_all(blanks(TABLE, 24)))


def the_table_at_120x40():
    # What is wider is the sparkline's, and there is none yet.
    on_top(lambda terminal: terminal.see_all(blanks(TABLE, 40)), 120, 40)


def the_page_of_a_ring(columns, rows):
    def check(terminal):
        terminal.keys("Down", "Enter")
        screen = terminal.see("payloads")
        lines = screen.split("\n")
        assert len(lines) == rows, screen
        assert lines[1] == "mem:feed"
        assert lines[2] == "used       ██▉                       12%  7.8 KiB of 64.0 KiB", screen
        assert lines[3] == "rates      in -, out -", screen
        assert lines[4] == "positions  consumer 0, producer 8000", screen
        assert lines[5] == "pending    500 records", screen
        # What was seen once, and how high it may get, at the right edge.
        assert lines[6] == "in" + "at most 0 B/s".rjust(columns - 2), screen
        assert lines[7] == "out" + "at most 0 B/s".rjust(columns - 3), screen
        assert lines[8] == "fill" + "▃".rjust(columns - 23) + "at most 100%".rjust(19), screen
        assert lines[9] == "producers  none of chute's", screen
        # The two that are there, and the one that is more is the whole width.
        width = columns - 35
        bar = {45: "▉", 85: "█▌"}[width]
        assert lines[10] == "payloads   1                     9 " + bar, screen
        assert lines[11] == "           2-3                 491 " + "█" * width, screen
        assert lines[12:-1] == [""] * (rows - 13), screen
        assert lines[-1] == " Esc back  f freeze  h help  q quit", screen
    on_top(check, columns, rows)


def the_page_of_a_map_has_who_has_to_do_with_it():
    def check(terminal):
        terminal.keys("Enter")
        screen = terminal.see("payloads")
        assert re.search(rf"^pinned     {MAP}$", screen, re.M), screen
        assert re.search(r"^pending    100 records$", screen, re.M), screen
    on_top(check)


def a_terminal_without_utf8_gets_ascii():
    def check(terminal):
        screen = terminal.see("mem:idle")
        assert re.search(r"mem:feed +64\.0 KiB # +12% ", screen), screen
        assert screen.isascii(), screen
        terminal.keys("Down", "Enter")
        assert terminal.see("#" * 45).isascii()
    on_top(check, LC_ALL="C")


def colours_only_if_they_are_wanted():
    colour = re.compile(r"\033\[[0-9;]*3[1-4]m")

    def check(wanted):
        def look(terminal):
            terminal.see("12%")
            assert bool(colour.search(terminal.screen("-e"))) == wanted
        return look
    on_top(check(True))
    on_top(check(False), NO_COLOR="1")


# ---- keys ----

def names(screen):
    """Of the rows, in order; the mark of the selected one stays."""
    return [line.split()[0] for line in screen.split("\n")[2:-1] if line.strip()]


def shows(*expected):
    return lambda screen: names(screen) == list(expected)


def s_sorts_and_r_reverses():
    def check(terminal):
        terminal.until(shows(">" + MAP, "mem:feed", "mem:idle"), "by name")
        terminal.keys("r")
        terminal.until(lambda screen: "RINGv" in screen and
                       names(screen) == ["mem:idle", "mem:feed", ">" + MAP], "reversed")
        terminal.keys("r", "s")
        terminal.until(lambda screen: "SIZEv" in screen and
                       names(screen) == ["mem:feed", ">" + MAP, "mem:idle"], "by size")
        terminal.keys("s")
        terminal.until(lambda screen: "FILLv" in screen and
                       names(screen) == [">" + MAP, "mem:feed", "mem:idle"], "by fill")
        terminal.keys("r")
        terminal.until(lambda screen: "FILL^" in screen and
                       names(screen) == ["mem:idle", "mem:feed", ">" + MAP], "least fill first")
        for mark in ("IN^", "OUT^", "RING"):
            terminal.keys("s")
            terminal.see(mark)
    on_top(check)


def arrows_select():
    def check(terminal):
        for key, selected in (("Down", "mem:feed"), ("j", "mem:idle"), ("Down", "mem:idle"),
                              ("Up", "mem:feed"), ("k", MAP), ("Up", MAP), ("End", "mem:idle"),
                              ("Home", MAP)):
            terminal.keys(key)
            terminal.see(">" + selected)
    on_top(check)


def a_slash_filters():
    def check(terminal):
        terminal.keys("/")
        terminal.see("filter: _")
        terminal.type("FEEx")
        terminal.see("no ring matches the filter")
        terminal.keys("BSpace")
        terminal.until(shows(">mem:feed"), "only the one that matches")
        # q is a letter here.
        terminal.type("q")
        terminal.see("filter: FEEq_")
        terminal.keys("BSpace", "Enter")
        assert "3 rings, every 1000 s, 1 match" in terminal.see("filter: FEE  (Esc: show all)")
        terminal.keys("Escape")
        terminal.until(lambda screen: len(names(screen)) == 3, "all again")
    on_top(check)


def f_and_space_freeze():
    with Terminal() as terminal:
        terminal.run(f"clear; {CHUTE} top --interval 0.01 mem:feed")
        terminal.see(" 12% ")
        for key, other in (("f", "Space"), ("Space", "f")):
            terminal.keys(key)
            before = terminal.see("FROZEN")
            sh(f"seq 500 | {CHUTE} send -q mem:feed")
            # Drawn anew, and with nothing new in it.
            terminal.keys("h")
            terminal.see("any key: back")
            terminal.keys("x")
            assert terminal.see(" q quit") == before
            terminal.keys(other)
            terminal.see_no("FROZEN")
            terminal.until(lambda screen: screen.split("%")[0] != before.split("%")[0], "new")


def h_helps_and_any_key_goes_back():
    def check(terminal):
        before = terminal.see(" q quit")
        for key in ("h", "?"):
            terminal.keys(key)
            terminal.see("any key: back")
            terminal.keys("x")
            terminal.see_all(before)
    on_top(check)


def escape_leaves_the_page():
    def check(terminal):
        before = terminal.see(" q quit")
        for key in ("Escape", "Left", "BSpace"):
            terminal.keys("Enter")
            terminal.see("payloads")
            terminal.keys(key)
            terminal.see_all(before)
    on_top(check)


def a_screen_follows_the_selected_ring():
    many = [f"mem:many-{number:02}" for number in range(40)]
    for ring in many:
        sh([CHUTE, "create", ring, "--size", "4K"])
    with Terminal() as terminal:
        terminal.run("clear; " + top(*many))
        rows = 21
        terminal.until(shows(">" + many[0], *many[1:rows]), "the first ones")
        terminal.keys("End")
        terminal.until(shows(*many[-rows:-1], ">" + many[-1]), "the last ones")
        terminal.keys("Home")
        terminal.until(shows(">" + many[0], *many[1:rows]), "the first ones again")
    for ring in many:
        os.unlink("/dev/shm/" + ring[4:])


def a_map_has_its_name_once():
    def check(terminal):
        screen = terminal.see(" q quit")
        assert re.search(r"^>map:orders +8\.0 KiB", screen, re.M), screen
    if not have_map():
        raise Skip("no map can be made here")
    # Maps are not ours alone.
    if sh([CHUTE, "list"]).split().count("orders") == 1:
        on_top(check, arguments=("map:orders",))


# ---- the terminal ----

def it_can_be_stopped_and_goes_on():
    with Terminal() as terminal:
        terminal.run("clear; echo before; " + top("mem:feed"))
        before = terminal.see(" q quit")
        terminal.keys("C-z")
        terminal.until(lambda screen: "before" in screen and screen.endswith("$"), "stopped")
        terminal.run("fg")
        terminal.see_all(before)
        terminal.keys("q")
        terminal.until(lambda screen: screen.endswith("$"), "left")


def it_follows_the_size_of_the_terminal():
    def check(terminal):
        terminal.see_all(blanks(TABLE, 24))
        terminal.resize(120, 40)
        terminal.see_all(blanks(TABLE, 40))
        for columns, rows in ((20, 5), (3, 2), (1, 1)):
            terminal.resize(columns, rows)
            terminal.keys("Enter", "h", "x", "Escape")
        terminal.resize(80, 24)
        terminal.see_all(blanks(TABLE, 24))
    on_top(check)


def left_as_found(end, status):
    """Its settings, and what was on it."""
    with Terminal() as terminal:
        terminal.run("clear; stty -g; echo before")
        # The first of them is what was typed.
        before = terminal.until(lambda screen: screen.count("before") == 1 and
                                screen.endswith("$"), "at the prompt")
        settings = before.split("before")[0]
        terminal.run(f"{CHUTE} top mem:feed")
        terminal.see("chute top:")
        assert "before" not in terminal.screen()
        end(terminal)
        terminal.until(lambda screen: screen.startswith(before) and screen.endswith("$"), "left")
        terminal.run("echo status $?; stty -g")
        after = terminal.until(lambda screen: screen.count(settings.strip()) == 2,
                               "showed the same settings")
        assert f"\nstatus {status}\n" in after, after


def signal_it(number):
    def send(terminal):
        shell = terminal.tmux("display-message", "-p", "#{pane_pid}").strip()
        os.kill(int(sh(["pgrep", "-P", shell, "chute"])), number)
    return send


def rings_appear_and_vanish():
    make = {"mem:coming": "/dev/shm/coming", "/sys/fs/bpf/coming": "/sys/fs/bpf/coming"}
    with Terminal() as terminal:
        terminal.run(f"clear; {CHUTE} top --interval 0.05")
        terminal.keys("/")
        terminal.type("coming")
        for ring, path in make.items():
            if path[1] == "s" and not have_map():
                raise Skip("no map can be made here")
            sh([CHUTE, "create", ring, "--size", "4K"])
            terminal.see(" 4.0 KiB")
            # Looking does not keep it.
            os.unlink(path)
            terminal.see("no ring matches")


def a_ring_that_is_truncated_has_gone():
    make_rings()
    with Terminal() as terminal:
        terminal.run(f"clear; {CHUTE} top --interval 0.01 mem:feed mem:idle")
        terminal.see(" 12% ")
        os.truncate("/dev/shm/feed", 0)
        screen = terminal.see("gone")
        assert re.search(r"mem:feed +gone$", screen, re.M), screen
        assert re.search(r"mem:idle +4\.0 KiB", screen), screen
        terminal.keys("Enter")
        terminal.see("This ring has gone.")
    make_rings()


def what_goes_in_is_shown_as_a_rate():
    sh([CHUTE, "create", "mem:flow", "--size", "64K"])
    with Terminal() as terminal:
        recv = subprocess.Popen([CHUTE, "recv", "-q", "mem:flow"], stdout=subprocess.DEVNULL)
        send = subprocess.Popen(f"yes | {CHUTE} send -q mem:flow", shell=True,
                                preexec_fn=os.setsid)
        try:
            terminal.run(f"clear; {CHUTE} top --interval 0.1 mem:flow")
            terminal.until(lambda screen: re.search(
                r"mem:flow .*% +[\d.]+ [MG]iB/s +[\d.]+ [MG]iB/s .*[▂▃▄▅▆▇█]{3}", screen), "flowing")
            terminal.keys("Enter")
            terminal.until(lambda screen: re.search(r"^producers  pid \d+, the sole one, alive",
                                                    screen, re.M), "the producer")
            # Not every tenth of a second: nothing flows while another program has the CPU.
            terminal.until(lambda screen: re.search(
                r"rates      in [\d.]+ .iB/s, out [\d.]+ .iB/s, records in [\d.]+ [kM]", screen),
                "the rates")
            assert re.search(r"held by    .*chute \(\d+\)", terminal.screen()), terminal.screen()
        finally:
            os.killpg(send.pid, signal.SIGTERM)
            send.wait()
            recv.terminate()
            recv.wait()


# ---- trouble ----

def complains(command, line, status=1):
    run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE)
    assert (run.returncode, run.stdout, run.stderr) == (status, "", line + "\n"), run


def without_a_terminal_it_is_one_line():
    complains([CHUTE, "top"], "chute top: standard input and output must be a terminal: "
              "'chute stat' and 'chute list' do without")


def a_wrong_command_line_is_one_line():
    see = ": see 'chute top --help'"
    complains([CHUTE, "top", "--interval", "x"],
              "chute top: --interval x: not a number of seconds" + see, 2)
    complains([CHUTE, "top", "--interval", "0"],
              "chute top: --interval 0: 0.01 is the least" + see, 2)
    complains([CHUTE, "top", "--json"], "chute top: --json is no option" + see, 2)
    complains([CHUTE, "top", "mem:none"],
              "chute top: mem:none: no such ring: 'chute list' shows which there are")


def a_terminal_that_is_not_known_is_one_line():
    with Terminal() as terminal:
        # What ncurses has allocated by then is nobody's any more.
        terminal.run(f"clear; TERM=nonsense ASAN_OPTIONS=detect_leaks=0 {CHUTE} top; "
                     "echo status $?")
        screen = terminal.see("status 1")
        line = "".join(screen.split("status")[0].split("\n")).rstrip()
        assert line == ("chute top: TERM=nonsense: no such terminal is known here: 'chute stat' "
                        "and 'chute list' do without"), screen


def nobody_sees_memory_rings_and_why_no_maps():
    os.chmod("/dev/shm/idle", 0o644)
    sh(f"install -m 755 {CHUTE} /dev/shm/.tool")
    with Terminal() as terminal:
        terminal.run("clear; setpriv --reuid=65534 --regid=65534 --clear-groups "
                     "/dev/shm/.tool top")
        screen = terminal.see("mem:idle")
        assert names(screen) == [">mem:idle"], screen
        assert screen.startswith("chute top: 1 ring, every 1 s, only memory rings: no permission"), \
            screen
    os.unlink("/dev/shm/.tool")


def it_ends_with_its_terminal():
    pid, master = pty.fork()
    if not pid:
        os.environ.update(TERM="xterm", LC_ALL="C.UTF-8")
        # As under nohup: it has to notice by itself.
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        os.execv(CHUTE, [CHUTE, "top", "mem:idle"])
    os.read(master, 1)
    os.close(master)
    end = time.monotonic() + PATIENCE
    while os.waitpid(pid, os.WNOHANG) == (0, 0):
        assert time.monotonic() < end, "goes on"
        time.sleep(0.01)


def on_pty(command, **env):
    pid, master = pty.fork()
    if not pid:
        os.environ.pop("NO_COLOR", None)
        os.environ.update(env)
        os.execv(CHUTE, [CHUTE, *command])
    out = b""
    try:
        while chunk := os.read(master, 65536):
            out += chunk
    except OSError:
        pass
    os.close(master)
    assert os.waitpid(pid, 0)[1] == 0, out
    return out


def list_and_stat_are_coloured_on_a_terminal_only():
    for command in (["list"], ["stat", "mem:feed"],
                    ["stat", "mem:feed", "--interval", "0.01", "--count", "1"]):
        assert b"\033[" in on_pty(command, TERM="xterm"), command
        assert b"\033" not in on_pty(command, TERM="xterm", NO_COLOR="1"), command
        assert b"\033" not in on_pty(command, TERM="dumb"), command
        assert "\033" not in sh([CHUTE, *command]), command


def main():
    if not go_there(__file__):
        print("1..0 # SKIP no /dev/shm of our own can be mounted")
        return
    cases = [
        the_table_at_80x24,
        the_table_at_120x40,
        ("the page of a ring at 80x24", lambda: the_page_of_a_ring(80, 24)),
        ("the page of a ring at 120x40", lambda: the_page_of_a_ring(120, 40)),
        the_page_of_a_map_has_who_has_to_do_with_it,
        a_terminal_without_utf8_gets_ascii,
        colours_only_if_they_are_wanted,
        s_sorts_and_r_reverses,
        arrows_select,
        a_slash_filters,
        a_screen_follows_the_selected_ring,
        a_map_has_its_name_once,
        it_can_be_stopped_and_goes_on,
        h_helps_and_any_key_goes_back,
        escape_leaves_the_page,
        it_follows_the_size_of_the_terminal,
        ("q leaves the terminal as it was found",
         lambda: left_as_found(lambda terminal: terminal.keys("q"), 0)),
        ("SIGTERM leaves the terminal as it was found",
         lambda: left_as_found(signal_it(signal.SIGTERM), 128 + signal.SIGTERM)),
        ("SIGINT leaves the terminal as it was found",
         lambda: left_as_found(signal_it(signal.SIGINT), 128 + signal.SIGINT)),
        ("Ctrl-C leaves the terminal as it was found",
         lambda: left_as_found(lambda terminal: terminal.keys("C-c"), 128 + signal.SIGINT)),
        rings_appear_and_vanish,
        a_ring_that_is_truncated_has_gone,
        what_goes_in_is_shown_as_a_rate,
        without_a_terminal_it_is_one_line,
        a_wrong_command_line_is_one_line,
        a_terminal_that_is_not_known_is_one_line,
        nobody_sees_memory_rings_and_why_no_maps,
        it_ends_with_its_terminal,
        list_and_stat_are_coloured_on_a_terminal_only,
        f_and_space_freeze,
    ]
    run_cases([case if isinstance(case, tuple) else (case.__name__.replace("_", " "), case)
               for case in cases])


if __name__ == "__main__":
    main()
