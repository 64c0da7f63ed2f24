# SPDX-License-Identifier: GPL-2.0-or-later
"""Postfix, Exim and OpenSMTPD as both ends of TLS: senders that speak one version to each destination, and receivers that are
many hosts, each with an address and a key of its own."""

import os
import shutil

import keys_lab
import mta
import namespaces
import receivers
import world

VERSIONS = {"10": "TLSv1", "11": "TLSv1.1", "12": "TLSv1.2", "13": "TLSv1.3"}
GNUTLS_VERSIONS = {"10": "VERS-TLS1.0", "11": "VERS-TLS1.1", "12": "VERS-TLS1.2", "13": "VERS-TLS1.3"}
FIRST_NUMBER = 128  # from there on, addresses are those of the receivers' host
NUMBERS = range(130, 249)
LOW_CIPHERS = "ALL:!aNULL:@SECLEVEL=0"

# OpenSMTPD 6.8 cannot be told of versions; its OpenSSL can.
OPENSSL_CONFIGURATION = f"""
openssl_conf = all
[all]
ssl_conf = ssl
[ssl]
system_default = any
[any]
MinProtocol = OLDEST
MaxProtocol = NEWEST
CipherString = {LOW_CIPHERS}
"""


def openssl_between(host, oldest, newest):
    """Words before a command."""
    path = os.path.join(host.directory, f"openssl-{oldest}-{newest}.cnf")
    with open(path, "w", encoding="ascii") as file:
        file.write(OPENSSL_CONFIGURATION.replace("OLDEST", VERSIONS[oldest]).replace("NEWEST", VERSIONS[newest]))
    return ["env", f"OPENSSL_CONF={path}"]


# Senders. The version is in a domain's name: -12-.


class Postfix(keys_lab.RememberingPostfix):
    def more_settings(self):
        more = super().more_settings()
        self._file("postfix/keys_policy", "".join(
            f"/-{number}[-.]/ may protocols={version} ciphers=low\n" for number, version in VERSIONS.items()))
        return {**more, "tls_low_cipherlist": LOW_CIPHERS}


class Exim(mta.Exim):
    """It goes on with TLS sessions, and says so."""

    def configure(self):
        priority = "NORMAL"
        for number, version in GNUTLS_VERSIONS.items():
            priority = f"${{if match{{$domain}}{{-{number}[-.]}}{{NORMAL:-VERS-ALL:+{version}}}{{{priority}}}}}"
        self.CONFIGURATION = mta.Exim.CONFIGURATION.replace("+tls_cipher", "+tls_cipher +tls_resumption").replace(
            f"command_timeout = {mta.PATIENCE_S}s", f"command_timeout = {keys_lab.PATIENCE_S}s\n  multi_domain = false\n"
            f"  tls_resumption_hosts = *\n  tls_require_ciphers = {priority}")
        super().configure()


class OpenSmtpd(mta.OpenSmtpd):
    """It speaks one version to all, once it is told which."""

    version = None

    def command(self):
        return [*(openssl_between(self.host, self.version, self.version) if self.version else []), *super().command()]

    def speak(self, version):
        if self.version != version:
            self.version = version
            self.stop()
            self.launch()
            self.wait_until_ready()

    def reset(self):
        """Connections that it keeps open are forgotten, too."""
        super().reset()
        self.stop()
        self.launch()
        self.wait_until_ready()

    def flush(self):
        """A host that broke off is left alone for a minute, unless somebody says otherwise."""
        for line in self._smtpctl("show", "routes").splitlines():
            self._smtpctl("resume", "route", line.split(".")[0], check=False)
        super().flush()


# Receivers


class Hosts:
    """Mixed into a receiver's class: what it shows at each of its addresses."""

    hosts = {}

    def shown(self):
        """{address: (key, chain)}: files"""
        return {self.address: (self.key, self.certificate), **self.hosts}

    def show(self, hosts):
        """From now on those, too."""
        self.hosts = hosts
        self.host.ip(*(f"addr add {address}/{'128' if ':' in address else '32'} dev lo{' nodad' if ':' in address else ''}"
                       for address in hosts))
        self.stop()
        self.configure()
        self.launch()


class ReceivingPostfix(Hosts, receivers.ReceivingPostfix):
    def configure(self):
        self.MASTER = self.WITHOUT_LISTENER
        for address, files in self.shown().items():
            where = f"[{address}]" if ":" in address else address
            self.MASTER += f"{where}:25 inet n - n - - smtpd -o smtpd_tls_chain_files={','.join(files)}\n"
        super().configure()

    def more_settings(self):
        return {**super().more_settings(), "inet_interfaces": "all", "smtpd_tls_protocols": ">=TLSv1", "smtpd_tls_ciphers": "low",
                "tls_low_cipherlist": LOW_CIPHERS}


class ReceivingExim(Hosts, receivers.ReceivingExim):
    """A folder has its files by address."""

    OLDEST = "NORMAL" + "".join(f":+{version}" for version in GNUTLS_VERSIONS.values())

    def configure(self):
        folder = os.path.join(self.host.directory, "exim-shows")
        shutil.rmtree(folder, ignore_errors=True)
        os.makedirs(folder)
        for address, files in self.shown().items():
            for kind, file in zip(("key", "crt"), files):
                os.symlink(file, os.path.join(folder, f"{address.replace(':', '-')}.{kind}"))
        self.addresses = list(self.shown())
        super().configure()
        file = f"{folder}/${{tr{{$received_ip_address}}{{:}}{{-}}}}"
        self._file("exim4/exim4.conf", self.CONFIGURATION.replace(self.certificate, f"{file}.crt").replace(
            self.key, f"{file}.key\ntls_resumption_hosts = *\ntls_require_ciphers = {self.OLDEST}\nsmtp_accept_max = 200"))


class ReceivingOpenSmtpd(Hosts, receivers.ReceivingOpenSmtpd):
    def command(self):
        return [*openssl_between(self.host, "10", "13"), *super().command()]


class Servers(keys_lab.Keys):
    """Each domain is at one of the receivers, at an address of its own."""

    def __init__(self):
        super().__init__(world.MAIL_SERVERS, (Postfix, Exim, OpenSmtpd), (ReceivingPostfix, ReceivingExim, ReceivingOpenSmtpd))
        self.world.outside.ip(f"route add 198.51.100.{FIRST_NUMBER}/25 via 198.18.0.2",
                              f"route add 2001:db8:3::{FIRST_NUMBER:x}/121 via 2001:db8:4::2")
        self._free = {family: iter(NUMBERS) for family in (4, 6)}
        self._hosts = {name: {} for name in self.receivers}

    def address(self, family=4):
        """A new one, at the receivers' host."""
        return world.far_address(next(self._free[family]), family)

    def place(self, receiver, files, family=4):
        """A new address, where that receiver shows these files, a key and a chain, once it is open."""
        address = self.address(family)
        self._hosts[receiver][address] = files
        return address

    def open(self):
        super().open()
        for name, receiver in self.receivers.items():
            receiver.show(self._hosts[name])
        for receiver in self.receivers.values():
            receiver.wait_until_ready()
        return self

    def has(self, receiver, words):
        """Whether it took a letter with these words; it may be on its way into its box."""
        return namespaces.wait_until(lambda: self.receivers[receiver].letters_with(words), timeout_s=5)
