# SPDX-License-Identifier: GPL-2.0-or-later
"""However a client's kernel cuts what it says, and however little the far end takes at a time: no recipient of a
promised destination leaves in clear, and mail to all others goes on."""

import contextlib
import ssl
import subprocess

import attacks
import cells
import lines
import pytest
import servers

QUEUE = 7
PATIENCE_S = 20


class Speaker:
    """Says lines in its own way, and hears replies."""

    def __init__(self, lab, address, **options):
        self.stream = lines.dial(lab.world.sender, (address, 25), patience_s=PATIENCE_S, **options)

    def write(self, line):
        self.stream.send(line)

    def ask(self, line):
        self.write(line)
        return self.stream.reply()


class ByOctets(Speaker):
    """Each octet is a segment."""

    def write(self, line):
        for octet in line:
            self.stream.send(bytes([octet]))


class Nagle(Speaker):
    """The second half of a line waits in the client's kernel for the acknowledgement of the first (RFC 9293 section
    3.7.4)."""

    def __init__(self, lab, address):
        super().__init__(lab, address, sends_at_once=False)

    def write(self, line):
        head, colon, rest = line.partition(b":")
        self.stream.send(head + colon)
        if rest:
            self.stream.send(rest)


class SmallSegments(Speaker):
    """The smallest that Linux lets a user ask for."""

    def __init__(self, lab, address):
        super().__init__(lab, address, segment_max=88)


WAYS = {"octets": ByOctets, "nagle": Nagle, "mss-88": SmallSegments, "window-1": Speaker, "window-1-nagle": Nagle}


@pytest.fixture(params=WAYS)
def way(lab, request):
    """A class of speakers; the far end's window is 1 while it lasts, where the way is that."""
    lab.guard_at("routed")
    lab.reset()
    with small_windows(lab) if request.param.startswith("window-1") else contextlib.nullcontext():
        yield WAYS[request.param]


@contextlib.contextmanager
def small_windows(lab):
    router = lab.world.outside
    shrinker = router.spawn([servers.test_tool("queue_window"), QUEUE, 1], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert shrinker.stdout.readline() == b"ready\n"
    rules = [(tool, "-t", table, chain, *match, "-p", "tcp", side, "25", *more, "-j", "NFQUEUE", "--queue-num", QUEUE)
             for tool in ("iptables", "ip6tables")
             for table, chain, match, side, more in (
                 ("raw", "PREROUTING", ("-i", "in0"), "--dport", ("--syn",)),
                 ("mangle", "POSTROUTING", ("-o", "in0"), "--sport", ()))]
    for tool, flag, table, *rest in rules:
        router.network_command([tool, flag, table, "-I", *rest])
    try:
        yield
    finally:
        for tool, flag, table, *rest in rules:
            router.network_command([tool, flag, table, "-D", *rest])
        shrinker.communicate()


def converse(speaker, recipient, body):
    """All replies, up to the one that ends it."""
    replies = [speaker.stream.reply()]
    for line in (b"EHLO a\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<%s>\r\n" % recipient.encode(), b"DATA\r\n",
                 b"\r\n%s\r\n.\r\n" % body):
        replies.append(speaker.ask(line))
        if replies[-1][:1] not in b"23":
            break
    return replies


@pytest.mark.parametrize("family", cells.FAMILIES)
def test_no_recipient_of_a_promised_domain_leaves_in_clear(lab, way, family):
    lab.wide.start(attacks.ATTACKS["strip"])
    destination = lab.destinations.next("protected", family)
    replies = converse(way(lab, destination.addresses[0]), f"u@{destination.domain}", b"secret")
    assert replies[-1].startswith(b"421 4.7.4"), replies
    assert not lab.behind.saw(destination.domain.encode(), b"u@", b"DATA", b"secret")
    event = lab.guard.wait_for(lambda one: one.get("domain") == destination.domain)
    assert event["action"] == "block" and event["reason"] == "starttls-stripped"


@pytest.mark.parametrize("family", cells.FAMILIES)
def test_a_letter_to_others_arrives(lab, way, family):
    destination = lab.destinations.next("unprotected", family)
    replies = converse(way(lab, destination.addresses[0]), f"u@{destination.domain}", b"hello")
    assert replies[-1].startswith(b"250"), replies
    assert [letter.text for letter in lab.sink.find(f"u@{destination.domain}")] == [b"\r\nhello\r\n.\r\n"]


@pytest.mark.parametrize("family", cells.FAMILIES)
@pytest.mark.parametrize("kind", [ByOctets, SmallSegments])
def test_tls_in_small_pieces_passes(lab, kind, family):
    lab.guard_at("routed")
    lab.reset()
    destination = lab.destinations.next("protected", family)
    speaker = kind(lab, destination.addresses[0])
    speaker.stream.reply()
    for line in (b"EHLO a\r\n", b"STARTTLS\r\n"):
        assert speaker.ask(line)[:1] == b"2"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    speaker.stream.start_tls(context)
    for line in (b"EHLO a\r\n", b"MAIL FROM:<>\r\n", b"RCPT TO:<u@%s>\r\n" % destination.domain.encode()):
        assert speaker.ask(line)[:1] == b"2"
    assert speaker.ask(b"DATA\r\n")[:3] == b"354"
    assert speaker.ask(b"\r\nhello\r\n.\r\n")[:3] == b"250"
    assert [letter.is_tls for letter in lab.sink.find(f"u@{destination.domain}")] == [True]
