# SPDX-License-Identifier: GPL-2.0-or-later
"""Ways to have the gateway read one reply to EHLO, and the client's kernel deliver another.

Each trick is a far end. TRUE and FALSE are of one length and differ in their last word; which of them the client reads says its
own kernel. What the guard read it says in its event.
"""

import time

import far_end
from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import (HBHOptUnknown, ICMPv6DestUnreach, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
                                IPv6ExtHdrRouting, PadN)
from scapy.layers.ipsec import AH

TRUE = b"250-nobody\r\n250 SIZE 999\r\n"
FALSE = b"250-nobody\r\n250 STARTTLS\r\n"
MARKED = b"250-nobody\r\n250 XSTARTTLS\r\n"  # without its X it is FALSE
X = MARKED.index(b"X")
CUT = TRUE.index(b"SIZE")  # from here on they differ
PAUSE_S = 0.15
SOURCE_ROUTE = bytes((131, 7, 4, 192, 0, 2, 2, 0))  # by way of the client


class Trick(far_end.FarEnd):
    """Says TRUE, in the end."""

    families = (4, 6)
    place = "routed"  # what the gateway is

    @property
    def near(self):
        """To end the way behind the gateway."""
        return {"ttl" if self.family == 4 else "hlim": 2}

    def answer(self, text):
        if text[:4].upper() == b"EHLO":
            self.play()
        else:
            super().answer(text)

    def play(self):
        self.say(TRUE)

    def decoy(self, flags="PA", text=FALSE, **how):
        """At the place of the true reply, which comes when whoever takes it has taken it."""
        self.send(flags, text=text, **how)
        time.sleep(PAUSE_S)


class First(Trick):
    """Says FALSE in a segment that `how` is wrong, then TRUE."""

    def play(self):
        self.decoy(**self.how())
        self.say(TRUE)


class Plain(Trick):
    pass


class BadChecksum(First):
    def how(self):
        return {"chksum": 0xbad}


class LowTtl(First):
    def how(self):
        return {"ip": self.near}


class OldTimestamp(First):
    sends_timestamps = True

    def how(self):
        return {"options": [("Timestamp", (self.ours - 50000, self.theirs))]}


class NoTimestamp(First):
    sends_timestamps = True

    def how(self):
        return {"options": []}


class NoAck(First):
    def how(self):
        return {"flags": "P"}


class AckOfTheUnsent(First):
    def how(self):
        return {"ack": self.next + 100000}


class AckOfLongAgo(First):
    def how(self):
        return {"ack": self.next - 2**30}


class SignedByNobody(First):
    def how(self):
        return {"options": [(19, bytes(16))]}


class AuthenticatedByNobody(First):
    """RFC 5925"""

    def how(self):
        return {"options": [(29, bytes(14))]}


class EndsEarly(Trick):
    """The true head, then the false end with a FIN within what the true one will be."""

    def play(self):
        self.decoy(text=TRUE[:CUT])
        self.decoy("FPA", text=FALSE[CUT:-4], seq=self.said + CUT, ip=self.near)
        self.say(TRUE)


class BeyondTheWindow(First):
    def how(self):
        return {"seq": self.said + 2**29}


class SynAndFin(First):
    def how(self):
        return {"flags": "SF"}


class WithinASyn(First):
    def how(self):
        return {"flags": "S", "seq": self.said - 1}


class WithinAReset(First):
    def how(self):
        return {"flags": "RA", "seq": self.said + 5, "text": FALSE[5:]}


class AnotherAnswerToTheSyn(First):
    def how(self):
        return {"flags": "SA", "seq": self.said - 1}


class SourceRoute(First):
    families = (4,)

    def how(self):
        return {"ip": {"options": [SOURCE_ROUTE]}}


class PriorityTag(Trick):
    """The false reply in a frame of VLAN 0: hosts take it like any other, bridges do not show it to their filters."""

    place = "bridge"
    tags = (0x8100,)

    def play(self):
        self.put(self.packet("PA", text=FALSE), tags=self.tags)
        time.sleep(PAUSE_S)
        self.say(TRUE)


class TwoTags(PriorityTag):
    tags = (0x8100, 0x8100)


class ServiceTag(PriorityTag):
    """IEEE 802.1ad"""

    tags = (0x88a8,)


class TaggedFragments(PriorityTag):
    """of which none but the first has ports"""

    def play(self):
        for piece in far_end.pieces(self.packet("PA", text=FALSE), number=79):
            self.put(piece, tags=self.tags)
        time.sleep(PAUSE_S)
        self.say(TRUE)


class OptionOfNoLength(Trick):
    def play(self):
        octets = bytearray(bytes(self.packet("PA", text=FALSE, options=[("NOP", None)] * 4)))
        at = len(octets) - len(FALSE) - 4
        octets[at:at + 4] = b"\x45\x00\x00\x00"
        self.put(far_end.with_checksum(bytes(octets)))
        time.sleep(PAUSE_S)
        self.say(TRUE)


class DecoyFin(Trick):
    """dies behind the gateway"""

    def play(self):
        self.decoy("FA", b"", ip=self.near)
        self.say(TRUE)


class DecoyReset(Trick):
    """dies behind the gateway"""

    def play(self):
        self.decoy("R", b"", ip=self.near)
        self.say(TRUE)


class ResetOutOfPlace(Trick):
    """in the window, not at the next octet"""

    def play(self):
        self.decoy("R", b"", seq=self.said + 100)
        self.say(TRUE)


class FinOutOfPlace(Trick):
    def play(self):
        self.decoy("FA", b"", seq=self.said + 5)
        self.decoy("FA", b"", seq=self.said - 5)
        self.say(TRUE)


class FinBeyondTheWindow(First):
    def how(self):
        return {"flags": "FA", "text": b"", "seq": self.said + 2**29}


class Keepalive(Trick):
    """with an octet of garbage"""

    def play(self):
        self.decoy("A", b"\0", seq=self.said - 1)
        self.say(TRUE)


class TailFirst(Trick):
    """The false tail before the true whole."""

    def play(self):
        self.decoy(text=FALSE[CUT:], seq=self.said + CUT)
        self.say(TRUE)


class TailTwice(Trick):
    """The false tail, the true tail, then the head."""

    def play(self):
        for text in (FALSE, TRUE):
            self.decoy(text=text[CUT:], seq=self.said + CUT)
        self.send("PA", text=TRUE[:CUT])
        self.said += len(TRUE)


class TailAround(Trick):
    """A false piece, then true octets that begin before it and end behind it, then the head."""

    def play(self):
        self.decoy(text=FALSE[CUT:CUT + 2], seq=self.said + CUT)
        self.decoy(text=TRUE[CUT - 2:], seq=self.said + CUT - 2)
        self.send("PA", text=TRUE[:CUT - 2])
        self.said += len(TRUE)


class TailBefore(Trick):
    """A true end, then false octets that begin before it, then the head."""

    def play(self):
        self.decoy(text=TRUE[CUT:], seq=self.said + CUT)
        self.decoy(text=FALSE[CUT - 2:CUT + 3], seq=self.said + CUT - 2)
        self.send("PA", text=TRUE[:CUT - 2])
        self.said += len(TRUE)


class OverWhatIsThere(Trick):
    """The true head, then false octets that begin within it."""

    def play(self):
        self.decoy(text=TRUE[:CUT])
        self.send("PA", text=FALSE[CUT - 2:], seq=self.said + CUT - 2)
        self.said += len(TRUE)


class AgainAndOther(Trick):
    """The true reply, and when it is acknowledged the false one in its place."""

    def play(self):
        self.send("PA", text=TRUE)
        time.sleep(PAUSE_S)
        self.decoy()
        self.said += len(TRUE)


class AgainBackwards(Trick):
    """Octet by octet, the last first."""

    def play(self):
        for at in reversed(range(len(TRUE))):
            self.send("PA", text=TRUE[at:at + 1], seq=self.said + at)
        self.said += len(TRUE)


class OctetByOctet(Trick):
    def play(self):
        for at in range(len(TRUE)):
            self.say(TRUE[at:at + 1])


class UrgentBesideOctets(Trick):
    def play(self):
        self.say(MARKED, flags="PAU", urgptr=X + 1)

    def say(self, text, flags="PA", **how):
        self.send(flags, text=text, **how)
        self.said += len(text)


class UrgentAlone(Trick):
    """in a bare acknowledgement, before the octet comes"""

    def play(self):
        self.decoy("AU", b"", urgptr=X + 1)
        self.say(MARKED)


class UrgentOnSynAck(Trick):
    """before anything comes"""

    def open(self, segment):
        self.next = segment.seq + 1
        self.send("SAU", seq=self.start, urgptr=1 + len(far_end.BANNER) + X + 1)

    def play(self):
        self.say(MARKED)


class SequenceWrap(Trick):
    start = 2**32 - len(far_end.BANNER) - 10


class SegmentsOfOne(Trick):
    opening_options = (("MSS", 1),)


class ClosedWindow(Trick):
    """opens when the reply is there"""

    def play(self):
        self.send("A", window=0)
        self.say(TRUE, window=1)
        time.sleep(PAUSE_S)
        self.send("A", window=far_end.WINDOW)


class Congestion(Trick):
    """ECN agreed on, and each segment marked."""

    def open(self, segment):
        self.next = segment.seq + 1
        self.send("SAE", seq=self.start)

    def play(self):
        self.say(TRUE, ip={"tos": 3} if self.family == 4 else {"tc": 3})


class UnknownOptions(Trick):
    """TCP options that nobody knows, and reserved bits"""

    def play(self):
        self.say(TRUE, options=[(77, b"\1\2"), ("NOP", None)], reserved=5)


class FarTimestamp(Trick):
    """in segments that die behind the gateway: what we say in the server's name must not have it"""

    sends_timestamps = True

    def answer(self, text):
        if text[:4] != b"MAIL":
            super().answer(text)
            return
        reply = b"250 ok\r\n"
        packets = [bytes(self.packet("PA", text=reply))]
        # No step goes back, and all together do. At once, before the client answers.
        for ahead in (2**30, 2**31 + 2**20):
            options = [("Timestamp", ((self.ours + ahead) % 2**32, self.theirs))]
            packets.append(bytes(self.packet("A", seq=self.said + len(reply), ip=self.near, options=options)))
        for packet in packets:
            self.put(packet)
        self.said += len(reply)


class Unreachable(Trick):
    """ICMP errors about the client's segments, with a path of 68 octets among them"""

    def errors(self):
        if self.family == 4:
            for code, mtu in ((3, 0), (1, 0), (4, 68)):
                yield IP(src="203.0.113.2", dst=self.client[IP].src) / ICMP(type=3, code=code, nexthopmtu=mtu)
            return
        for error in (ICMPv6DestUnreach(code=4), ICMPv6DestUnreach(code=3), ICMPv6PacketTooBig(mtu=68)):
            yield IPv6(src="2001:db8:2::2", dst=self.client[IPv6].src) / error

    def play(self):
        for error in self.errors():
            self.put(error / bytes(self.client[self.layer])[:28 if self.family == 4 else 48])
        time.sleep(PAUSE_S)
        self.say(TRUE)


class Fragments(Trick):
    def play(self):
        for piece in far_end.pieces(self.packet("PA", text=TRUE)):
            self.put(piece)
        self.said += len(TRUE)


class OverlappingFragments(Trick):
    """false octets over true ones, then all of it once more"""

    def play(self):
        true, false = (far_end.pieces(self.packet("PA", text=text), number=77) for text in (TRUE, FALSE))
        for piece in (*true[:-1], *false[-2:], true[-1]):
            self.put(piece)
        time.sleep(PAUSE_S)
        self.say(TRUE)


class AtomicFragment(Trick):
    families = (6,)

    def play(self):
        self.say(TRUE, between=IPv6ExtHdrFragment(id=7))


class ManyHeaders(Trick):
    """options for each hop and for the destination, and a route that is used up"""

    families = (6,)

    def play(self):
        self.say(TRUE, between=IPv6ExtHdrHopByHop(options=[PadN(optdata=b"\0" * 4)]) /
                 IPv6ExtHdrDestOpt(options=[PadN(optdata=b"\0" * 4)]) /
                 IPv6ExtHdrRouting(type=0, addresses=["2001:db8::7"], segleft=0))


class UnknownDestinationOption(First):
    """one that says: drop me if you do not know me"""

    families = (6,)

    def how(self):
        return {"between": IPv6ExtHdrDestOpt(options=[HBHOptUnknown(otype=0x5e, optdata=b"\0" * 4)])}


class RouteToGo(First):
    families = (6,)

    def how(self):
        return {"between": IPv6ExtHdrRouting(type=0, addresses=[self.client[IPv6].src], segleft=1)}


class HopByHopBehind(First):
    families = (6,)

    def how(self):
        pad = {"options": [PadN(optdata=b"\0" * 4)]}
        return {"between": IPv6ExtHdrDestOpt(**pad) / IPv6ExtHdrHopByHop(**pad)}


class Authenticated(First):
    """by a header that nobody agreed on"""

    families = (6,)

    def how(self):
        return {"between": AH(spi=77, seq=1, icv=bytes(12), payloadlen=4)}


PLAIN = {First, Trick}
ALL = {one.__name__: one for one in (*First.__subclasses__(), *Trick.__subclasses__(), *PriorityTag.__subclasses__()) if one not in PLAIN}
