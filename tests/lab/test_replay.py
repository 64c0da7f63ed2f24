# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody sends us a capture: `hopguard replay` reads it whatever wrote it, says what the guard would have said, and
says in one line what it cannot read. That verdicts equal the gate's is tests/unit/cli/replay_test.c's to show."""

import gzip
import json
import os
import random
import re
import resource
import struct
import subprocess

import captures
import namespaces
import pytest
import servers

DAY_S = 86400
LARGE = 200_000  # packets


@pytest.fixture(name="replay")
def make_replay(tmp_path):
    """replay(file..., words=, **how): files are octets or paths; gives the ended process."""
    (tmp_path / "hopguard.conf").touch()

    def run(*files, words=("--default-level", "encrypt", "--json"), prefix=(), **how):
        paths = []
        for number, file in enumerate(files):
            paths.append(tmp_path / f"{number}.pcap" if isinstance(file, bytes) else file)
            if isinstance(file, bytes):
                paths[-1].write_bytes(file)
        command = [*prefix, servers.hopguard(), "replay", "--config", tmp_path / "hopguard.conf", *words, *paths]
        how = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **how}
        return subprocess.run(command, text=True, timeout=60, check=False, **how)
    return run


def findings(done):
    """(action of enforce, reason) of each event."""
    events = [json.loads(line) for line in done.stdout.splitlines()]
    return [(event.get("would", event["action"]), event["reason"]) for event in events]


def stripped(**how):
    return captures.framed(captures.connection("attack-stripped", **how))


STRIPPED = [("block", "starttls-stripped")]


@pytest.mark.parametrize("link", captures.FRAMES)
def test_every_link_type_in_every_kind_of_file_gives_the_same_verdict(replay, link):
    for family in (4, 6):
        if link in ("ipv4", "ipv6") and link != f"ipv{family}":
            continue
        for dialogue, wanted in (("attack-stripped", STRIPPED), ("starttls-used-tls12", [])):
            frames = captures.framed(captures.connection(dialogue, family), link)
            for make, order, is_nano in ((captures.pcap, "<", False), (captures.pcap, ">", True),
                                         (captures.pcapng, "<", True), (captures.pcapng, ">", False)):
                done = replay(make(frames, captures.FRAMES[link][0], order, is_nano))
                assert (findings(done), done.returncode) == (wanted, len(wanted)), (family, make, order)
                assert done.stderr == ""


def test_json_is_one_object_a_line_with_the_time_of_the_capture(replay):
    frames = stripped(client_port=1) + stripped(client_port=2, began=captures.BEGAN + 7 * DAY_S)
    done = replay(captures.pcap(frames))
    events = [json.loads(line) for line in done.stdout.splitlines()]
    assert [event["time"] for event in events] == ["2026-11-22T10:00:00.130Z", "2026-11-29T10:00:00.130Z"]
    assert [event["client"] for event in events] == ["192.0.2.2:1", "192.0.2.2:2"]
    assert {event["hook"] for event in events} == {"capture"}
    assert {event["promise"]["source"] for event in events} == {"default-level"}


def test_text_is_one_line_a_verdict_whatever_the_server_calls_itself(replay):
    said = [(False, b"220 \x1b[2J\x07evil\xff\r\n"), (True, b"EHLO x\r\n"), (False, b"250 a\x1b]0;b\x07\r\n"),
            (True, b"MAIL FROM:<>\r\nRCPT TO:<a@\x1b[31mexample.org>\r\n")]
    connection = captures.Connection().open().play(said).close()
    done = replay(captures.pcap(captures.framed(connection.packets)), words=("--default-level", "encrypt"))
    lines = done.stdout.split("\n")
    assert len(lines) == 2 and lines[1] == "" and done.returncode == 1
    assert re.match(r"10:00:00Z alert \(would block\) \S+: ", lines[0])
    assert lines[0].isprintable()


def test_mail_that_nobody_promised_to_protect_is_good(replay):
    done = replay(captures.pcap(stripped()), words=("--default-level", "may", "--json"))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_table_of_the_configuration_counts_above_the_level(replay, tmp_path):
    table = tmp_path / "hopguard.conf"
    for level, reason, wanted in (("encrypt", "", STRIPPED), ("may", 'reason = "old"', [])):
        table.write_text(f'destination "example.org" {{ level = {level} {reason} }}\n')
        for default in ("may", "encrypt"):
            done = replay(captures.pcap(stripped()), words=("--default-level", default, "--json"))
            assert findings(done) == wanted, (level, default, done.stderr)


def test_what_is_no_mail_is_no_finding_and_said(replay):
    for frames in ([], [(captures.BEGAN, captures.ARP_FRAME)], stripped(server_port=80)):
        done = replay(captures.pcap(frames))
        assert (done.returncode, done.stdout) == (0, "")
        assert done.stderr == "hopguard: no connection to a guarded port (25) was captured\n"
    done = replay(captures.pcap(stripped(server_port=80)),
                  words=("--default-level", "encrypt", "--json", "--set", "ports={80}"))
    assert findings(done) == STRIPPED


WHOLE = captures.pcap(stripped())
WHOLE_NG = captures.pcapng(stripped())
FORMATS = "allowed are pcap and pcapng, not compressed"
LINKS = "allowed are Ethernet, Linux cooked, raw IP and BSD loopback"
UNREADABLE = {
    "nothing": (b"", FORMATS),
    "a text": (b"hello, this is no capture\n" * 9, FORMATS),
    "compressed": (gzip.compress(WHOLE), FORMATS),
    "a directory": ("/", "Is a directory"),
    "no file": ("/nowhere/capture", "No such file or directory"),
    "wireless": (captures.pcap(stripped(), 105), LINKS),
    "an unknown link type": (captures.pcap(stripped(), 0xfff0), LINKS),
    "two gigabytes in a packet": (WHOLE[:32] + struct.pack("<II", 2**31 - 1, 2**31 - 1) + WHOLE[40:], "bigger than"),
    "four gigabytes in a packet": (WHOLE[:32] + struct.pack("<II", 2**32 - 1, 2**32 - 1) + WHOLE[40:], "bigger than"),
    "two gigabytes in a block": (WHOLE_NG[:52] + struct.pack("<I", 2**31 - 4) + WHOLE_NG[56:], "maximum"),
    "a section of two gigabytes": (WHOLE_NG[:4] + struct.pack("<I", 2**31 - 4) + WHOLE_NG[8:], "invalid length"),
    "interfaces of two link types": (WHOLE_NG + captures.pcapng(stripped(), 101), "type"),
    "cut in a packet": (WHOLE[:-7], "truncated"),
}


@pytest.mark.parametrize("what", UNREADABLE)
def test_what_cannot_be_read_is_one_clear_line_and_status_2(replay, what):
    file, words = UNREADABLE[what]
    done = replay(file)
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and done.stderr.endswith("\n")
    assert done.stderr.startswith("hopguard: ") and words in done.stderr
    assert done.stderr.count(".pcap: ") <= 1 and done.stderr.count("/nowhere/capture") <= 1


def test_a_file_without_permission_is_one_clear_line_and_status_2(replay, tmp_path):
    (tmp_path / "secret").write_bytes(WHOLE)
    (tmp_path / "secret").chmod(0)
    for directory in (tmp_path, *tmp_path.parents[:-2]):
        directory.chmod(0o755)
    done = replay(tmp_path / "secret", prefix=as_nobody())
    assert (done.returncode, done.stderr) == (2, f"hopguard: {tmp_path / 'secret'}: Permission denied\n")


def test_what_was_said_before_a_cut_is_still_judged(replay):
    done = replay(WHOLE[:-7])
    assert findings(done) == STRIPPED and done.returncode == 2


def test_one_unreadable_file_among_several_is_said_before_any_verdict(replay):
    done = replay(WHOLE, "/nowhere/capture")
    assert (done.returncode, done.stdout) == (2, "")


@pytest.mark.parametrize("make", [captures.pcap, captures.pcapng])
def test_a_file_cut_anywhere_ends_in_an_orderly_way(replay, make, request):
    frames = stripped()[:3]
    file = make(frames)
    ends = {len(make(frames[:count])) for count in range(len(frames) + 1)}
    around = {end + more for end in ends for more in (-1, 0, 1)} & set(range(len(file)))
    # The fuzz target replay_capture cuts files anywhere, too.
    for length in sorted(around.union(range(0, len(file), 1 if request.config.getoption("--full") else 7))):
        done = replay(file[:length])
        assert done.returncode == (0 if length in ends else 2), (length, done.stderr)
        assert done.stderr.count("\n") <= 1


@pytest.mark.parametrize("seed", range(4))
def test_a_spoiled_file_ends_in_an_orderly_way(replay, seed, request):
    chance = random.Random(seed)
    for _ in range(60 if request.config.getoption("--full") else 12):
        file = bytearray(chance.choice((WHOLE, WHOLE_NG)))
        for _ in range(chance.randrange(1, 12)):
            file[chance.randrange(len(file))] = chance.choice((0, 1, 0x7f, 0x80, 0xff, chance.randrange(256)))
        assert replay(bytes(file)).returncode in (0, 1, 2)


def test_packets_of_which_only_the_beginning_was_kept_make_no_good_capture(replay):
    done = replay(captures.pcap(stripped(), snap=96))
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert re.search(r"\d+ packets were captured only in part.*snapshot length of 0", done.stderr)


def test_a_lost_trailer_or_a_cut_packet_of_somebody_else_is_none_of_our_business(replay):
    frames = [(when, octets + bytes(64)) for when, octets in stripped()]
    snap = max(len(octets) for _, octets in stripped())
    assert replay(captures.pcap(frames, snap=snap)).returncode == 1
    others = captures.framed(captures.Connection(server_port=80).open().play([(True, bytes(1400))]).packets)
    when, whole = stripped(client_port=2)[0]
    lying = [(when, whole[:17] + b"\xff" + whole[18:])]  # claims a length that it never had
    done = replay(captures.pcap(stripped() + others + lying, snap=snap))
    assert (done.returncode, done.stderr) == (1, "")


def as_nobody():
    return ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"] \
        if os.geteuid() == 0 else []


def test_neither_root_nor_a_network_is_needed_when_nothing_is_looked_up(replay, tmp_path):
    for directory in (tmp_path, *tmp_path.parents[:-2]):
        directory.chmod(0o755)
    alone = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--map-root-user", "--net"]
    done = replay(WHOLE, prefix=[*alone, *as_nobody()])
    # A look-up would have failed, and its recipient been deferred.
    assert (findings(done), done.returncode, done.stderr) == (STRIPPED, 1, "")


def test_without_an_answer_a_recipient_is_deferred_and_nothing_hangs(replay):
    if os.geteuid() != 0:
        pytest.skip("an empty network namespace needs root")
    done = replay(WHOLE, words=("--json", "--set", "dns.timeout-seconds=1"), prefix=["unshare", "--net"])
    assert findings(done) == [("defer", "policy-unavailable")]


def test_several_captures_are_read_as_one_in_order_of_time(replay):
    frames = stripped()
    from_client = [frame for frame in frames if frame[1][26:30] == bytes([192, 0, 2, 2])]
    from_server = [frame for frame in frames if frame[1][26:30] != bytes([192, 0, 2, 2])]
    rotated = frames[:5], frames[5:9], frames[9:]
    for files in ((from_client, from_server), (from_server, from_client), rotated, rotated[::-1], (frames, frames)):
        done = replay(*[make(file) for make, file in zip((captures.pcap, captures.pcapng, captures.pcap), files)])
        assert (findings(done), done.returncode) == (STRIPPED, 1)


def test_one_side_alone_is_judged_by_what_the_client_says(replay):
    frames = stripped()
    done = replay(captures.pcap([frame for frame in frames if frame[1][26:30] == bytes([192, 0, 2, 2])]))
    assert findings(done) == [("block", "tls-not-used")]
    done = replay(captures.pcap([frame for frame in frames if frame[1][26:30] != bytes([192, 0, 2, 2])]))
    assert findings(done) == []


def test_a_capture_that_begins_in_a_connection_or_lost_a_packet_of_it_is_judged(replay):
    frames = captures.framed(captures.connection("plain-mail"))
    for start in range(len(frames)):
        if b"RCPT TO" in frames[start][1]:
            break
        assert ("block" in dict(findings(replay(captures.pcap(frames[start:]))))), start
    for lost in range(len(frames)):
        assert replay(captures.pcap(frames[:lost] + frames[lost + 1:])).returncode == 1, lost


def test_disorder_and_doubled_packets_change_no_verdict(replay):
    frames = stripped()
    doubled = [frame for frame in frames for _ in range(2)]
    swapped = [frames[at ^ 1] if at ^ 1 < len(frames) else frames[at] for at in range(len(frames))]
    for changed in (doubled, swapped[:3] + frames[3:], frames[:3] + [frames[4], frames[3]] + frames[5:]):
        assert findings(replay(captures.pcap(changed))) == STRIPPED


BROKEN = captures.connection("attack-sabotage-after-hello", client_port=1)
IN_CLEAR = [(False, b"220 mx1.example.org ESMTP\r\n"), (True, b"EHLO x\r\n"),
            (False, b"250-mx1.example.org\r\n250 STARTTLS\r\n"), (True, b"MAIL FROM:<>\r\n"), (False, b"250 ok\r\n"),
            (True, b"RCPT TO:<b@example.org>\r\n")]
CLOCKS = {  # year of the second connection: when it and the one before it were, by that clock
    "1970": lambda when, is_second: 0,
    "2038": lambda when, is_second: when + 2**31 - captures.BEGAN,
    "2026": lambda when, is_second: when - DAY_S * is_second,
    "2106": lambda when, is_second: 2**32 - 1,
    "9999": lambda when, is_second: 2**64 // 10**6 - 1,
}


@pytest.mark.parametrize("year", CLOCKS)
def test_clocks_that_stand_still_end_or_are_set_back_hide_no_sabotage(replay, year):
    again = captures.Connection(client_port=2, began=captures.BEGAN + 60).open().play(IN_CLEAR).packets
    packets = [[CLOCKS[year](when, is_second), packet]
               for is_second, part in enumerate((BROKEN, again)) for when, packet in part]
    done = replay((captures.pcapng if year == "9999" else captures.pcap)(captures.framed(packets)))
    assert findings(done)[-1] == ("block", "tls-sabotaged")
    first, last = json.loads(done.stdout.splitlines()[0]), json.loads(done.stdout.splitlines()[-1])
    assert first["id"] == last["id"] and last["cause"].startswith("TLS with 198.51.100.25 ended by")
    assert last["time"].startswith(year)


def test_a_clock_that_was_set_back_measures_silence_all_the_same(replay):
    silence = captures.connection("attack-starttls-silence-then-clear", client_port=2, began=captures.BEGAN - DAY_S)
    before = captures.connection("starttls-used-tls12", client_port=1)
    alone, behind = (replay(captures.pcap(captures.framed(packets))) for packets in (silence, before + silence))
    assert findings(alone) == findings(behind) == [("block", "starttls-refused")]
    assert json.loads(behind.stdout)["time"].startswith("2026-11-21T10:00:")


def test_pauses_cost_little_and_end_connections(replay):
    once = captures.Connection().open().play(captures.read_dialogue("attack-stripped")).packets
    packets = [[when + day * DAY_S, packet] for day in range(400) for when, packet in once]  # the same ports every day
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    done = replay(captures.pcap(captures.framed(packets)))
    assert findings(done) == STRIPPED * 400
    assert resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before < 2


def test_a_large_capture_takes_little_memory(tmp_path):
    template = stripped()
    count = LARGE // len(template)
    path = tmp_path / "large.pcap"
    with open(path, "wb") as file:
        file.write(captures.pcap([]))
        for number in range(count):
            address = struct.pack(">I", (10 << 24) + number)
            for when, octets in template:
                file.write(struct.pack("<IIII", captures.BEGAN + number // 50, round(when % 1 * 1e6),
                                       len(octets), len(octets)))
                file.write(octets.replace(bytes([192, 0, 2, 2]), address))
    with open(tmp_path / "output", "w+", encoding="utf-8") as output:
        process = subprocess.Popen([servers.hopguard(), "replay", "--config", "/dev/null", "--default-level", "encrypt",
                                    "--json", path], stdout=output)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        assert sum(1 for line in output) == count
    assert process.returncode == 1
    assert usage.ru_maxrss < 400 * 1024, f"{usage.ru_maxrss} KiB"


def test_verdicts_that_could_not_be_written_are_no_success(replay):
    with open("/dev/full", "w", encoding="utf-8") as full:
        done = replay(WHOLE, stdout=full)
    assert (done.returncode, done.stderr) == (4, "hopguard: standard output: No space left on device\n")


def test_strangers_octets_are_read_without_any_right(tmp_path):
    capture = tmp_path / "readable-to-root.pcap"
    capture.write_bytes(captures.pcap(stripped()))
    capture.chmod(0o600)
    command = [servers.hopguard(), "replay", "--config", "/dev/null", "--default-level", "encrypt", capture, "-"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        # It waits for the header of what comes by standard input.
        assert namespaces.wait_until(lambda: servers.rights(process.pid)["Seccomp"] == "2")
        rights = servers.rights(process.pid)
        output, errors = process.communicate(captures.pcap(stripped(client_port=1)), timeout=20)
    assert "0" not in rights["Uid"].split() and int(rights["CapPrm"], 16) == int(rights["CapBnd"], 16) == 0
    assert rights["NoNewPrivs"] == "1"
    assert (output.count(b"starttls-stripped"), errors, process.returncode) == (2, b"", 1)


WRONG = {
    "--default-level": ("--default-level", "always"),
    "default-level": ("--set", "default-level=secure"),
    "no such key": ("--set", "colour=red"),
    "cannot read /nowhere/anchor": ("--set", "dns.trust-anchor=/nowhere/anchor"),
    "/nowhere/conf": ("--config", "/nowhere/conf"),
}


@pytest.mark.parametrize("words", WRONG)
def test_a_wrong_setting_is_one_line_and_status_2(replay, words):
    done = replay(WHOLE, words=WRONG[words])
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1 and (words in done.stderr or "default-level" in done.stderr)


def test_without_a_capture_the_usage_is_shown(replay):
    done = replay(words=())
    assert done.returncode == 2 and done.stderr.startswith("usage: hopguard replay")
    done = replay(words=("--help",))
    assert done.returncode == 0 and done.stdout.startswith("usage: hopguard replay")
