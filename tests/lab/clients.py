# SPDX-License-Identifier: GPL-2.0-or-later
"""Sending clients of our own, which keep no queue and remember every reply: one that knows no TLS, and one that takes
TLS when it is offered, comes back in clear when the handshake breaks, and keeps what it read before the handshake."""

import ssl

import lines


class Client:
    """The plain one."""

    name = "plain"
    has_queue = False

    def __init__(self, host, patience_s=2):
        self.host = host
        self.replies = []     # of all connections of the last send(), in order
        self.believed = b""   # all that was taken for replies inside TLS
        self._patience_s = patience_s

    def send(self, address, recipient, body, sender="postmaster@sender.lab"):
        """One letter to one server. True when it was accepted."""
        self.replies = []
        self.believed = b""
        return self._attempt(address, sender, recipient, body, may_encrypt=True) == "sent"

    def _attempt(self, address, sender, recipient, body, may_encrypt):
        try:
            stream = lines.dial(self.host, (address, 25), patience_s=self._patience_s)
        except lines.Closed:
            return "unreachable"
        try:
            return self._converse(stream, sender, recipient, body, may_encrypt)
        except lines.Closed:
            return "closed"
        finally:
            stream.close()

    def _reply(self, stream):
        reply = stream.reply()
        self.replies.append(reply)
        if stream.is_tls:
            self.believed += reply
        return reply

    def _ask(self, stream, command):
        stream.send(command + b"\r\n")
        return self._reply(stream)

    def _greet(self, stream):
        reply = self._ask(stream, b"EHLO sender.lab")
        if not reply.startswith(b"250"):
            reply = self._ask(stream, b"HELO sender.lab")
        return reply

    def _secure(self, stream, capabilities):
        """None when the letter may go on, else why not."""
        return None

    def _converse(self, stream, sender, recipient, body, may_encrypt):
        self._reply(stream)
        capabilities = self._greet(stream)
        if may_encrypt:
            failure = self._secure(stream, capabilities)
            if failure:
                return failure
        for command in (b"MAIL FROM:<%s>" % sender.encode(), b"RCPT TO:<%s>" % recipient.encode()):
            if not self._ask(stream, command).startswith(b"250"):
                return "refused"
        if not self._ask(stream, b"DATA").startswith(b"354"):
            return "refused"
        if not self._ask(stream, body + b"\r\n.").startswith(b"250"):
            return "refused"
        self._ask(stream, b"QUIT")
        return "sent"

    @property
    def refusal(self):
        """The 421 that we got, or None."""
        found = [reply for reply in self.replies if reply.startswith(b"421")]
        return found[-1].decode("utf-8", "replace").strip() if found else None


class OpportunisticClient(Client):
    """STARTTLS where it is offered, no certificate checked, clear text when it fails."""

    name = "opportunistic"
    server_name = None  # for SNI
    highest = ssl.TLSVersion.MAXIMUM_SUPPORTED

    def send(self, address, recipient, body, sender="postmaster@sender.lab"):
        self.replies = []
        self.believed = b""
        outcome = self._attempt(address, sender, recipient, body, may_encrypt=True)
        if outcome == "closed" and not self.refusal:
            outcome = self._attempt(address, sender, recipient, body, may_encrypt=False)
        return outcome == "sent"

    def _secure(self, stream, capabilities):
        if b"STARTTLS" not in capabilities.upper():
            return None
        if not self._ask(stream, b"STARTTLS").startswith(b"220"):
            return None
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        context.maximum_version = self.highest
        stream.start_tls(context, forgets=False, server_hostname=self.server_name)
        self._greet(stream)
        return None
