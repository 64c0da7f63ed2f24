# SPDX-License-Identifier: GPL-2.0-or-later
"""Bodies that pass in the kernel, and whose end comes as no mail server sends it: out of order, cut anyhow, twice, twice with
something else; or while somebody forges in either name. What is said behind them is judged as ever."""

import contextlib
import random
import re
import time

import by_hand
import capture
import far_end
import lines
import namespaces
import pytest
from test_passage_guard import SETTINGS, Talk, body, passed
from test_passage_losses import losing

PART = 1 << 20
PATIENCE_S = 30


@pytest.fixture(scope="module")
def quiet(lab):
    lab.guard_at(None)
    with by_hand.kernel_silenced(lab.world.sender):
        yield lab


def in_a_body(lab, family, text, segment_max=None):
    """A session whose body has arrived so far."""
    talk = Talk(lab, family, segment_max=segment_max)
    assert talk.to(talk.recipient).startswith(b"250")
    assert talk.ask(b"DATA").startswith(b"354")
    for at in range(0, len(text), PART):
        talk.stream.send(text[at:at + PART])
        lab.before.take()
        lab.behind.take()
    by_hand.all_arrived(talk.stream)
    return talk


def evade(lab, family, text, seed, lies, segment_max=None):
    """Its end, and a recipient who is guarded."""
    rng = random.Random(seed)
    lab.reset()
    talk = in_a_body(lab, family, text, segment_max)
    protected = f"you@{lab.destinations.next('protected', family).domain}".encode()
    end = body(100, rng.random())[-rng.choice((1, 60, 900)):] + b"\r\n.\r\n"
    behind = b"MAIL FROM:<a@sender.lab>\r\nRCPT TO:<%s>\r\nDATA\r\n" % protected
    is_pipelined = lies or rng.random() < 0.5
    with contextlib.closing(by_hand.ByHand(lab.world.sender, talk.stream)) as hand:
        if not is_pipelined:
            assert b"250 2.0.0 " in hand.play(by_hand.mutated(rng, end, False), end, b"250 2.0.0 ", PATIENCE_S), seed
            [letter] = lab.sink.find(talk.recipient)
            assert letter.text == text + end, seed
        said = end + behind
        segments = by_hand.mutated(rng, said if is_pipelined else behind, lies)
        heard = hand.play(segments if is_pipelined else [(len(end) + at, piece) for at, piece in segments], said, b"421 ",
                          0.5 if lies else PATIENCE_S)
    assert lies or not lab.behind.saw(protected), seed
    if protected.decode() in lab.sink.named:
        # Of two copies he may have meant the other one. In what arrived the recipient has to be a part of the body, or of a line with
        # another verb, for whoever reads as RFC 5321 says; this sink takes LF.CRLF for an end, too, and of a verb four letters.
        arrived = text[-2:] + max(capture.texts(one for one in lab.behind.segments() if one.destination[1] == 25), key=len)
        before = arrived[:arrived.index(protected)]
        is_command = b"\r\n.\r\n" in before and re.match(rb"RCPT[\s:]", before[before.rindex(b"\n") + 1:], re.I)
        assert lies and not is_command, seed
    assert lies or b"421 4.7." in heard, (seed, heard)


@pytest.mark.parametrize("count", (6, pytest.param(1000, marks=pytest.mark.full)))
@pytest.mark.parametrize("lies", (False, True), ids=("honest", "lying"))
@pytest.mark.parametrize("family", (4, 6))
def test_however_a_body_ends_the_next_recipient_is_judged(quiet, family, lies, count):
    guard = quiet.guard_at("routed", settings=(*SETTINGS, "backend=iptables"))
    seed, text, before = time.time_ns(), body(20000, 1), passed(guard)
    for number in range(count):
        evade(quiet, family, text, f"{seed}-{number}", lies)
    evade(quiet, family, text, f"{seed}-last", False)
    assert guard.is_whole()
    assert namespaces.wait_until(lambda: passed(guard) > before + count * len(text) // 4)
    assert not guard.status()["counters"].get("passages_lost", 0)


@pytest.mark.full
@pytest.mark.parametrize("place", ("routed", "nat", "bridge"))
@pytest.mark.parametrize("segment_max,every", ((None, None), (None, 200), (88, None), (536, 50)))
def test_so_it_is_behind_twenty_megabytes(quiet, place, segment_max, every):
    guard = quiet.guard_at(place, settings=(*SETTINGS, "backend=iptables"))
    seed, text = time.time_ns(), body(20 << 20, 2)
    for number, lies in enumerate((False, True, False)):
        before = passed(guard)
        if every:
            with losing(quiet.world.outside, every):
                evade(quiet, 4, text, f"{seed}-{number}", lies, segment_max)
        else:
            evade(quiet, 4, text, f"{seed}-{number}", lies, segment_max)
        assert namespaces.wait_until(lambda: passed(guard) > before + len(text) / 2)


class Forger(far_end.FarEnd):
    """Stands in the server's place, and forges in both names while a body is under way."""

    LINES = (b"250 ok\r\n", b"354 go\r\n", b"421 bye\r\n", b"2")

    def __init__(self, lab, address, seed):
        super().__init__(lab, address)
        self.rng = random.Random(seed)
        self.is_in_body = False
        self.forged = []

    def answer(self, text):
        if not self.is_in_body:
            super().answer(text)
            self.is_in_body = text[:4] == b"DATA"
        elif self.heard.endswith(b"\r\n.\r\n"):
            self.is_in_body = False
            super().answer(text)
        else:
            if self.rng.random() < 0.5:
                self.forge()
            self.send("A")

    def forge(self):
        kind = self.rng.choice([name for name in dir(self) if name.startswith("forge_")])
        self.forged.append(kind)
        getattr(self, kind)()

    def forge_reply_that_dies(self):
        self.send("PA", text=self.rng.choice(self.LINES), ip={"ttl": 2})

    def forge_reply_again(self):
        self.send("PA", seq=self.said - 4, text=b"go\r\n")

    def forge_acknowledgement(self):
        self.send("A", ack=self.next + self.rng.choice((1, 700, 50000, -2 ** 30, -100)))

    def forge_acknowledgement_that_dies(self):
        self.send("A", ack=self.next + self.rng.choice((0, 700, -100)), window=self.rng.choice((0, 1, 60000)), ip={"ttl": 2})

    def forge_many_acknowledgements(self):
        for _ in range(self.rng.choice((3, 40))):
            self.send("A", window=self.rng.choice((0, 5, 60000)))

    def forge_end_that_dies(self):
        self.send(self.rng.choice(("FA", "RA", "R")), ip={"ttl": 2})

    def forge_reset_in_the_window(self):
        self.send("R", seq=self.said + self.rng.choice((2, 3000, -1, 2 ** 29)))

    def forge_opening(self):
        self.send(self.rng.choice(("S", "SA")), seq=self.said - self.rng.choice((0, 1, 5000)))

    def forge_window(self):
        self.send("A", window=self.rng.choice((1, 7, 700)))
        time.sleep(0.01)
        self.send("A")

    def forge_timestamp(self):
        self.ours = (self.ours + self.rng.choice((3, 3000, 2 ** 30))) % 2 ** 32
        self.send("A", ip=self.rng.choice(({}, {"ttl": 2})))

    def forge_client(self):
        text = self.rng.choice((b"", b"x", b"x\r\n.\r\n", b".\r\n", b"words " * 100))
        self.send(self.rng.choice(("PA", "FPA", "A", "RA", "S", "PAU")), seq=self.next + self.rng.choice((0, 0, -1, 3, -500, 1400)),
                  ack=self.said, text=text, from_client=True)


class TimedForger(Forger):
    sends_timestamps = True


def talk_to(forger, lab, recipient, innocent, text):
    """A client says this body, and then a recipient who is guarded."""
    stream = lines.dial(lab.world.sender, (forger.address, 25), patience_s=1.5)
    with contextlib.closing(stream), contextlib.suppress(lines.Closed):
        stream.reply()
        for word in (b"EHLO a", b"MAIL FROM:<a@sender.lab>", b"RCPT TO:<%s>" % innocent, b"DATA"):
            stream.send(word + b"\r\n")
            stream.reply()
        for at in range(0, len(text), 1000):
            stream.send(text[at:at + 1000])
            time.sleep(0.002)
        for word in (b"\r\n.", b"MAIL FROM:<a@sender.lab>", b"RCPT TO:<%s>" % recipient, b"DATA"):
            stream.send(word + b"\r\n")
            stream.reply()


@pytest.mark.parametrize("count", (3, pytest.param(300, marks=pytest.mark.full)))
@pytest.mark.parametrize("kind", (Forger, TimedForger), ids=("plain", "timed"))
def test_whatever_is_forged_within_a_body_the_next_recipient_is_judged(quiet, kind, count):
    guard = quiet.guard_at("routed", settings=(*SETTINGS, "backend=iptables"))
    seed, before = time.time_ns(), passed(guard)
    for number in range(count):
        quiet.reset()
        innocent, protected = (quiet.destinations.next(name, 4) for name in ("unprotected", "protected"))
        recipient = f"u@{protected.domain}".encode()
        with kind(quiet, innocent.addresses[0], f"{seed}-{number}").standing() as forger:
            talk_to(forger, quiet, recipient, f"u@{innocent.domain}".encode(), body(100, number)[:40000] + b"end")
        assert not quiet.behind.saw(recipient), (seed, number, forger.forged)
        assert forger.forged, forger.heard[:200]
    assert namespaces.wait_until(lambda: passed(guard) > before)
