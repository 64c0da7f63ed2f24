# SPDX-License-Identifier: GPL-2.0-or-later
"""One Postfix that is several destinations, each at an address of its own and with settings of its own, and their keys."""

import os
import subprocess

import dnsworld
import receivers
import servers
import world

# By the name of a destination: number of its address. Those that mail servers have already are routed there, too.
NUMBERS = {"dual": 249, "tenants": 252, "anonymous": 253, "old": 254}
KINDS = {"rsa": ("RSA", "-pkeyopt", "rsa_keygen_bits:2048"), "ecdsa": ("EC", "-pkeyopt", "ec_paramgen_curve:P-256"),
         "ed25519": ("ED25519",)}


def address(name, family=4):
    return world.far_address(NUMBERS[name], family)


def make_key(directory, kind, name):
    """(key, certificate): a file of each, self-signed."""
    key, certificate = (os.path.join(directory, f"{name}-{kind}.{suffix}") for suffix in ("key", "crt"))
    algorithm, *options = KINDS[kind]
    for words in (("genpkey", "-algorithm", algorithm, *options, "-out", key),
                  ("req", "-x509", "-key", key, "-out", certificate, "-days", "3650", "-subj", f"/CN={name}",
                   "-addext", f"subjectAltName=DNS:{name}")):
        subprocess.run([servers.openssl(), *words], check=True, stderr=subprocess.DEVNULL)
    os.chmod(key, 0o644)
    return key, certificate


class ManyPostfixes(receivers.ReceivingPostfix):
    """dual: an RSA and an ECDSA key. tenants: the second tenant's key is shown to who names him. anonymous: no certificate at all.
    old: nothing newer than TLS 1.1."""

    def __init__(self, host):
        self.keys = {name: make_key(host.directory, kind, name) for name, kind in (
            ("dual-rsa.lab", "rsa"), ("dual-ecdsa.lab", "ecdsa"), ("first.lab", "ecdsa"), ("mx.tenants.lab", "ecdsa"),
            ("old.lab", "rsa"))}
        for number in NUMBERS.values():
            if number not in world.MX_NUMBERS.values():
                host.ip(f"addr add {world.far_address(number, 4)}/32 dev lo",
                        f"addr add {world.far_address(number, 6)}/128 dev lo nodad")
        super().__init__(host)

    def tlsa(self, name):
        return dnsworld.tlsa(self.keys[name][1])

    def _chain(self, *names):
        return ",".join(path for name in names for path in self.keys[name])

    def _service(self, name, **settings):
        if name != "anonymous":
            settings["smtpd_tls_exclude_ciphers"] = "aNULL"
        words = "".join(f" -o {key}={value}" for key, value in settings.items())
        return "".join(f"{where}:25 inet n - n - - smtpd{words}\n"
                       for where in (address(name), f"[{address(name, 6)}]"))

    def configure(self):
        self._file("postfix/sni", f"mx.tenants.lab {self._chain('mx.tenants.lab').replace(',', ', ')}\n")
        self.MASTER = self.WITHOUT_LISTENER + \
            self._service("dual", smtpd_tls_chain_files=self._chain("dual-rsa.lab", "dual-ecdsa.lab")) + \
            self._service("tenants", smtpd_tls_chain_files=self._chain("first.lab"),
                          tls_server_sni_maps="hash:/etc/postfix/sni") + \
            self._service("anonymous", smtpd_tls_chain_files="", smtpd_tls_cert_file="none",
                          smtpd_tls_protocols="TLSv1.2") + \
            self._service("old", smtpd_tls_chain_files=self._chain("old.lab"), smtpd_tls_protocols="TLSv1,TLSv1.1",
                          smtpd_tls_ciphers="low", tls_low_cipherlist="ALL:@SECLEVEL=0")
        super().configure()
        self.host.run(["postmap", "-F", "hash:/etc/postfix/sni"])

    def more_settings(self):
        return {**super().more_settings(), "inet_interfaces": "all", "myhostname": "many.example", "smtpd_tls_loglevel": "1"}
