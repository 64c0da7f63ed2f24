# SPDX-License-Identifier: GPL-2.0-or-later
"""The attack that needs no clear text towards the victim: STARTTLS is granted, with a key of the attacker's."""

import ssl

import attacks
import sink


class OwnKey(attacks.Attack):
    """Each letter is read in the middle, and goes on in clear from there."""

    touches_tls = True
    must_leak = False

    def __init__(self, directory):
        super().__init__("own-key", ("key-mismatch",))
        key, certificate = sink.make_key(directory, "thief")
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(certificate, key)
        self._sessions = []

    def begin(self):
        self._sessions.clear()

    def starttls(self, session, command):
        session.client.send(b"220 2.0.0 Ready to start TLS\r\n")
        session.goes_encrypted()
        session.client.start_tls(self._context, server_side=True)
        self._sessions.append(session)
        return True

    def hit(self, sink, client):
        """He has read a letter that was sent by TLS."""
        return any(session.letters for session in self._sessions)
