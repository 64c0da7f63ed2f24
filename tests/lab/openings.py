# SPDX-License-Identifier: GPL-2.0-or-later
"""Far ends that take up what a client's SYN offers beside TCP."""

import tricks

FAST_OPEN, MPTCP = 34, 30  # numbers of TCP options
NAMES = {"TFO": FAST_OPEN}  # scapy's


class Opening(tricks.Trick):
    """Keeps what the client's segments brought: flags, the numbers of their options, and octets."""

    def __init__(self, *where):
        super().__init__(*where)
        self.brought = []

    def hear(self, segment, text):
        self.brought.append((segment.flags, [NAMES.get(one[0], one[0]) for one in segment.options], text))
        if segment.flags & 0x02:
            self.said, self.heard = self.start + 1, b""
        super().hear(segment, text)

    def asks(self, flags, option):
        """Whether a segment of these flags brought that option."""
        return any(seen == flags and option in options for seen, options, _ in self.brought)


class FastOpen(Opening):
    """grants a cookie to who asks for one (RFC 7413), so that the next SYN may carry octets"""

    opening_options = ((FAST_OPEN, b"cookie00"),)

    def says_with_syn(self):
        return any(flags & 0x02 and text for flags, _, text in self.brought)


class MultiPath(Opening):
    """takes MP_CAPABLE up (RFC 8684 section 3.1: version 1, HMAC-SHA256, a key): another connection may carry octets then"""

    opening_options = ((MPTCP, b"\x01\x01far end."),)


ALL = {one.__name__: one for one in Opening.__subclasses__()}
