# SPDX-License-Identifier: GPL-2.0-or-later
"""The real mail servers once more, as the destination: STARTTLS with the lab's key, every letter is taken and kept."""

import os
import shutil

import mta
import namespaces
import preloads
import sink
import world


class Receiver:
    """Mixed into a sender's class: listens on port 25 of its own far addresses, and keeps letters in a Maildir."""

    port = 25

    def __init__(self, host):
        self.key, self.certificate = sink.make_key(host.directory, f"{self.name}-mx")
        self.addresses = [world.far_address(world.MX_NUMBERS[self.name], family) for family in (4, 6)]
        self.address = self.addresses[0]
        self.letters_path = os.path.join(host.directory, f"letters-{self.name}")
        os.makedirs(self.letters_path)
        os.chmod(self.letters_path, 0o777)
        super().__init__(host)

    def letters(self):
        """The texts of all letters, received lines included."""
        texts = []
        for directory, _, names in os.walk(self.letters_path):
            for name in names if not directory.endswith("tmp") else ():
                with open(os.path.join(directory, name), encoding="utf-8", errors="replace") as file:
                    texts.append(file.read())
        return texts

    def letters_with(self, words):
        return [text for text in self.letters() if words in text]


class ReceivingPostfix(Receiver, mta.Postfix):
    WITHOUT_LISTENER = mta.Postfix.MASTER.replace("127.0.0.1:10025 inet n - n - - smtpd\n", "virtual unix - n n - - virtual\n")
    MASTER = WITHOUT_LISTENER + "25 inet n - n - - smtpd\n"

    def more_settings(self):
        vmail = f"static:{namespaces.USERS['vmail'][0]}"
        return {
            "inet_interfaces": ", ".join(self.addresses),
            "myhostname": f"mx1.d{world.MX_NUMBERS['postfix']}-4.dane.lab",
            "smtpd_relay_restrictions": "reject_unauth_destination",
            "virtual_mailbox_domains": "static:all",
            "virtual_mailbox_maps": "static:all/",
            "virtual_mailbox_base": self.letters_path,
            "virtual_uid_maps": vmail,
            "virtual_gid_maps": vmail,
            "smtpd_tls_security_level": "may",
            "smtpd_tls_chain_files": f"{self.key}, {self.certificate}",
        }


class ReceivingExim(Receiver, mta.Exim):
    def configure(self):
        self.CONFIGURATION = f"""
primary_hostname = mx1.d{world.MX_NUMBERS["exim"]}-4.dane.lab
exim_path = /usr/sbin/exim4
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
local_interfaces = <; {" ; ".join(self.addresses)}
keep_environment =
tls_advertise_hosts = *
tls_certificate = {self.certificate}
tls_privatekey = {self.key}
acl_smtp_rcpt = accept
rfc1413_query_timeout = 0s
host_lookup =
begin acl
accept:
  accept
begin routers
keep:
  driver = accept
  transport = keep
begin transports
keep:
  driver = appendfile
  maildir_format
  directory = {self.letters_path}
  user = vmail
  delivery_date_add
begin retry
begin rewrite
begin authenticators
"""
        super().configure()


class ReceivingOpenSmtpd(Receiver, mta.OpenSmtpd):
    """Its keys are its own: of files that others may read it wants nothing."""

    def __init__(self, host):
        self._preload = preloads.remembers_keys(host.directory)
        super().__init__(host)

    def shown(self):
        """{address: (key, certificate)}: files"""
        return {address: (self.key, self.certificate) for address in self.addresses}

    def configure(self):
        listeners = "".join(
            f'pki "mx{number}.lab" cert "{files[1]}"\npki "mx{number}.lab" key "{self._own(files[0])}"\n'
            f'listen on {address} tls pki "mx{number}.lab" hostname "mx.lab"\n'
            for number, (address, files) in enumerate(self.shown().items()))
        self.CONFIGURATION = f"""
table users {{ "@" = "vmail" }}
{listeners}
action "keep" maildir "{self.letters_path}" virtual <users>
match from any for any action "keep"
"""
        super().configure()

    def _own(self, key):
        path = os.path.join(self.host.directory, os.path.basename(key) + ".own")
        shutil.copyfile(key, path)
        os.chmod(path, 0o600)
        return path

    def command(self):
        return ["env", f"LD_PRELOAD={self._preload}", *super().command()]


ALL = {kind.name: kind for kind in (ReceivingPostfix, ReceivingExim, ReceivingOpenSmtpd)}
