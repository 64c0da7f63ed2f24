# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab of promises with keys that keep them: each domain's host has a certificate of the lab's authority, whatever the domain
promised, and Postfix speaks one version of TLS to each."""

import json
import os
import time

import dnsworld
import mta
import namespaces
import promises_lab
import receivers
import servers

PROMISES = ("dane-ee", "dane-ta", "mta-sts", "list", "verify")
SOURCES = {"dane-ee": "dane", "dane-ta": "dane", "mta-sts": "mta-sts", "list": "list", "verify": "local"}
VERSIONS = {"12": "TLSv1.2", "13": "TLSv1.3"}
PATIENCE_S = 25

# By words in a domain's name.
POSTFIX_POLICY = """
/-12[-.]/ may protocols=TLSv1.2
/-13[-.]/ may protocols=TLSv1.3
"""


class VersionedPostfix(mta.PatientPostfix):
    """A domain's name says which version of TLS it speaks there."""

    def more_settings(self):
        self._file("postfix/keys_policy", POSTFIX_POLICY)
        return {**super().more_settings(), "smtp_tls_policy_maps": "regexp:/etc/postfix/keys_policy"}


class RememberingPostfix(VersionedPostfix):
    """It goes on with TLS sessions, and says so."""

    def more_settings(self):
        return {**super().more_settings(), "smtp_tls_session_cache_database": "btree:/var/lib/postfix/sessions",
                "smtp_tls_loglevel": "2"}


class Keys(promises_lab.Promises):
    """Domains are added by promise(), then open()."""

    def __init__(self, with_senders=promises_lab.SENDERS, sender_kinds=(VersionedPostfix,), receiver_kinds=()):
        """Kinds take the place of those of the same name; without one of receivers there is no host of mail servers."""
        before = dict(mta.ALL), dict(receivers.ALL)
        mta.ALL.update({kind.name: kind for kind in sender_kinds})
        receivers.ALL.update({kind.name: kind for kind in receiver_kinds})
        try:
            super().__init__(with_senders, tuple(kind.name for kind in receiver_kinds))
        finally:
            mta.ALL.update(before[0])
            receivers.ALL.update(before[1])
        self.host_key = dnsworld.tlsa(self.authority.issue("key-of-all.lab"))
        self.anchor = dnsworld.tlsa(self.authority.certificate, 2, 0, 1)
        self.configuration = ""
        self.chain = None
        self._listed = {}

    def promise(self, name, kind, **how):
        """A domain that makes one of PROMISES."""
        if kind in ("dane-ee", "dane-ta"):
            record = self.host_key if kind == "dane-ee" else self.anchor
            how.setdefault("more", f"_25._tcp.mx TLSA {record}")
            how.setdefault("zone", {})["signed"] = True
        elif kind == "mta-sts":
            how["text"] = promises_lab.policy(mx=f"mx.{name}.lab")
        elif kind == "list":
            self._listed[f"{name}.lab"] = {"mode": "enforce", "mxs": [f"mx.{name}.lab"]}
        else:
            self.configuration += f'destination "{name}.lab" {{ level = verify }}\n'
        return self.add(name, **how)

    def certify(self, address, *names, **how):
        """All hosts show one certificate, that of open()."""

    def with_chain(self, certificate, *others):
        """The path of a file with those behind that one, or the authority's own certificate."""
        path = certificate + ".chain"
        with open(path, "w", encoding="ascii") as file:
            for one in (certificate, *(others or [self.authority.certificate])):
                with open(one, encoding="ascii") as part:
                    file.write(part.read())
        return path

    def open(self):
        self.chain = self.with_chain(self.authority.issue(*(f"mx.{domain.name}" for domain in self._domains.values())))
        self.sink.show(self.chain, self.authority.key)
        if self._listed:
            now = int(time.time())
            path = os.path.join(self.world.directory, "list.json")
            with open(path, "w", encoding="utf-8") as file:
                json.dump({"version": "0.1", "timestamp": now - 60, "expires": now + 86400, "policy-aliases": {},
                           "policies": self._listed}, file)
            os.chmod(path, 0o644)
            self.configuration += f'policy-list "{path}" {{}}\n'
        return super().open()

    def stand(self, *settings, more=""):
        """more: configuration, for a guard of its own."""
        return self.guard_at("routed", settings=("events.passes=true", *settings),
                             configuration=self.configuration + more)

    def events_of(self, domain):
        """Verdicts that name the domain, or its host alone."""
        return [one for one in self.guard.events() if one["event"] == "verdict" and
                (one.get("domain") == domain.name or one.get("mx") == domain.destination.name)]

    def event_of(self, domain, action=None):
        """The first of them, or the first that says so, once it is told: that takes a moment behind the verdict. Whoever
        was refused may have come again by then."""
        def told():
            return [one for one in self.events_of(domain) if action in (None, one["action"])]

        assert namespaces.wait_until(told, 10), self.events_of(domain)
        return told()[0]

    def by_hand(self, domain, *words, name=None, is_nameless=False):
        """A letter by s_client, with the host's name as SNI unless it is to send none: (recipient, what was said)"""
        recipient = f"you{next(self._serial)}@{domain.name}"
        text = f"mail from:<postmaster@sender.lab>\nrcpt to:<{recipient}>\ndata\nSubject: by hand\n\nsecret\n.\nquit\n"
        sni = ("-noservername",) if is_nameless else ("-servername", name or domain.destination.name)
        said = self.world.sender.run(
            [servers.openssl(), "s_client", "-starttls", "smtp", "-connect", f"{domain.address}:25", "-name", "sender.lab", "-crlf",
             "-quiet", *sni, *words], input=text, check=False, timeout=60)
        return recipient, said
