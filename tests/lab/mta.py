# SPDX-License-Identifier: GPL-2.0-or-later
"""Real mail servers as senders: each takes a letter by SMTP on its own host and carries it to the recipient's MX,
with TLS where it is offered and in clear where it is not, as their defaults are.

All have a queue to look into. Retries wait until they are asked for, so that a test sees one attempt at a time.
"""

import contextlib
import json
import os
import re
import shutil
import smtplib
import subprocess
import time

import namespaces

PATIENCE_S = 2  # how long they wait for a reply; their defaults are minutes
PATIENT_S = 25
RETRY_S = 1     # a letter this old is taken for one that was tried before


class _LocalSmtp(smtplib.SMTP):
    """smtplib from inside a host."""

    def __init__(self, server):
        self._sender = server.host
        super().__init__(server.address, server.port, timeout=20)

    def _get_socket(self, host, port, timeout):
        with self._sender.inside():
            return super()._get_socket(host, port, timeout)


class MailServer:
    has_queue = True
    name = ""
    address = "127.0.0.1"
    port = 0

    def __init__(self, host):
        self.host = host
        self.process = None
        self._log_start = 0
        self.spool = os.path.join(host.var, "spool", self.spool_name)
        self.log_path = os.path.join(host.directory, f"{self.name}.log")
        self.configure()

    # Each server says how

    spool_name = ""
    attempt_pattern = ""  # the log's line when an attempt has ended

    def configure(self):
        raise NotImplementedError

    def command(self):
        raise NotImplementedError

    def queue(self):
        """[(recipient, why it is still here or "")]"""
        raise NotImplementedError

    def empty_queue(self):
        raise NotImplementedError

    def flush(self):
        """Tries everything in the queue again, now."""
        raise NotImplementedError

    # What they share

    def _file(self, path, text):
        path = os.path.join(self.host.etc, path)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)

    def launch(self):
        """Starts; wait_until_ready() says when it takes mail."""
        with open(self.log_path, "a", encoding="utf-8") as log:
            self.process = self.host.spawn(self.command(), stdout=log, stderr=log)

    def wait_until_ready(self, timeout_s=60):
        end = time.monotonic() + timeout_s
        while True:
            try:
                with _LocalSmtp(self):
                    return self
            except (OSError, smtplib.SMTPException) as error:
                if time.monotonic() > end or self.process.poll() is not None:
                    raise namespaces.LabError(f"{self.name} did not start: {error}\n{self.log()}") from error
                time.sleep(0.02)

    def stop(self):
        if self.process:
            namespaces.stop(self.process)
            self.process = None

    def reset(self):
        self.revive()
        self.empty_queue()
        if os.path.exists(self.log_path):
            self._log_start = os.path.getsize(self.log_path)

    def log(self):
        """What it logged since the last reset."""
        with open(self.log_path, "rb") as file:
            file.seek(self._log_start)
            return file.read().decode("utf-8", "replace")

    def has_crashed(self):
        return bool(self.process) and self.process.poll() is not None

    def revive(self):
        """Starts it again when an attack has crashed it, with an empty queue: the next try would do the same."""
        if self.has_crashed():
            shutil.rmtree(self.spool, ignore_errors=True)
            self.configure()
            self.launch()
            self.wait_until_ready()

    def submit(self, recipient, body, sender="postmaster@sender.lab"):
        with _LocalSmtp(self) as smtp:
            smtp.sendmail(sender, [recipient], f"From: {sender}\r\nTo: {recipient}\r\nSubject: a letter\r\n\r\n{body}\r\n")

    def reason(self, recipient):
        """Why a letter is still in the queue; None when it is not there, "" when it was not tried yet."""
        found = [why for whom, why in self.queue() if whom == recipient]
        return found[0] if found else None

    def attempts(self, recipient):
        """How often it has tried to deliver a letter and knows the result, since the last reset."""
        return len(re.findall(self.attempt_pattern.replace("RECIPIENT", re.escape(recipient)), self.log()))

    def wait_until_tried(self, recipient, timeout_s, times=1):
        """Waits for the end of an attempt, then gives the reason why the letter is still here; None when it is gone."""
        end = time.monotonic() + timeout_s
        while self.attempts(recipient) < times and time.monotonic() < end and self.process.poll() is None:
            time.sleep(0.02)
        while True:
            if self.has_crashed():
                return f"{self.name} crashed"
            reason = self.reason(recipient)
            if self.has_crashed():
                continue
            if reason is None or reason or time.monotonic() > end:
                return reason
            time.sleep(0.05)  # the log comes first, the queue follows


class Postfix(MailServer):
    name = "postfix"
    spool_name = "postfix"
    attempt_pattern = r"to=<RECIPIENT>, .*status="
    port = 10025

    MAIN = f"""
compatibility_level = 3.6
queue_directory = /var/spool/postfix
data_directory = /var/lib/postfix
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file_prefixes = /
myhostname = postfix.sender.lab
myorigin = sender.lab
mydestination =
alias_maps =
alias_database =
inet_interfaces = loopback-only
inet_protocols = all
smtp_address_preference = any
smtpd_relay_restrictions = permit_mynetworks, reject
smtpd_peername_lookup = no
in_flow_delay = 0
smtp_tls_security_level = may
smtp_tls_loglevel = 1
smtp_connection_cache_on_demand = no
smtp_connect_timeout = {PATIENCE_S}s
smtp_helo_timeout = {PATIENCE_S}s
smtp_starttls_timeout = {PATIENCE_S}s
smtp_mail_timeout = 25s
smtp_rcpt_timeout = 25s
smtp_data_init_timeout = 25s
smtp_quit_timeout = 1s
smtp_rset_timeout = 1s
smtp_destination_concurrency_failed_cohort_limit = 0
minimal_backoff_time = {RETRY_S}s
maximal_backoff_time = 4000s
queue_run_delay = 3600s
"""
    MASTER = """
127.0.0.1:10025 inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 3600 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
"""
    QUEUES = {"": (0, 0, 0o755), "pid": (0, 0, 0o755), "maildrop": ("postfix", "postdrop", 0o1730),
              "public": ("postfix", "postdrop", 0o2710), **{name: ("postfix", 0, 0o700) for name in (
                  "incoming", "active", "deferred", "bounce", "defer", "flush", "trace", "corrupt", "hold", "saved",
                  "private")}}

    def configure(self):
        settings = dict(line.split(" =", 1) for line in self.MAIN.strip().split("\n"))
        settings.update(self.more_settings(), maillog_file=self.log_path)
        self._file("postfix/main.cf", "".join(f"{name} = {value}\n" for name, value in settings.items()))
        self._file("postfix/master.cf", self.MASTER)
        ids = namespaces.USERS
        for name, (owner, group, mode) in self.QUEUES.items():
            path = os.path.join(self.spool, name)
            os.makedirs(path, exist_ok=True)
            os.chown(path, ids[owner][0] if owner else 0, ids[group][1] if group else 0)
            os.chmod(path, mode)
        data = os.path.join(self.host.var, "lib/postfix")
        os.makedirs(data, exist_ok=True)
        os.chown(data, *ids["postfix"])

    def more_settings(self):
        return {}

    def command(self):
        return ["/usr/lib/postfix/sbin/master", "-c", "/etc/postfix", "-d"]

    def queue(self):
        found = []
        for line in self.host.run(["postqueue", "-j"]).splitlines():
            for recipient in json.loads(line)["recipients"] if line.startswith("{") else ():
                found.append((recipient["address"], recipient.get("delay_reason", "")))
        return found

    def empty_queue(self):
        if self.process:
            self.host.run(["postsuper", "-d", "ALL"])

    def flush(self):
        self.host.run(["postqueue", "-f"])


class PatientPostfix(Postfix):
    """It waits for a guard that has to look somebody up nearly as long as it does by default: where no server is mute."""

    def more_settings(self):
        return {"smtp_helo_timeout": f"{PATIENT_S}s", "smtp_starttls_timeout": f"{PATIENT_S}s"}


class Exim(MailServer):
    name = "exim"
    spool_name = "exim4"
    attempt_pattern = r" (=>|==|\*\*) RECIPIENT "
    port = 10026

    CONFIGURATION = f"""
primary_hostname = exim.sender.lab
exim_path = /usr/sbin/exim4
spool_directory = /var/spool/exim4
log_file_path = /var/log/exim4/%slog
log_selector = +smtp_confirmation +tls_cipher
local_interfaces = <; 127.0.0.1.10026
keep_environment =
tls_advertise_hosts =
chunking_advertise_hosts =
acl_smtp_rcpt = accept
rfc1413_query_timeout = 0s
host_lookup =
begin acl
accept:
  accept
begin routers
out:
  driver = dnslookup
  transport = remote
  no_more
begin transports
remote:
  driver = smtp
  connect_timeout = {PATIENCE_S}s
  command_timeout = {PATIENCE_S}s
  data_timeout = 25s
  final_timeout = 25s
  hosts_try_dane =
  dnssec_request_domains =
  dnssec_require_domains =
begin retry
* * F,2d,1h
begin rewrite
begin authenticators
"""

    def configure(self):
        self._file("exim4/exim4.conf", self.CONFIGURATION)
        for path in (self.spool, os.path.join(self.host.var, "log/exim4")):
            os.makedirs(path, exist_ok=True)
            os.chown(path, *namespaces.USERS["Debian-exim"])
        self.log_path = os.path.join(self.host.var, "log/exim4/mainlog")
        with open(self.log_path, "a", encoding="utf-8"):
            os.chown(self.log_path, *namespaces.USERS["Debian-exim"])

    def launch(self):
        self.process = self.host.spawn(self.command(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def command(self):
        return ["/usr/sbin/exim4", "-bdf"]

    def queue(self):
        """The queue gives names, the message log beside each the reason of the last attempt."""
        found = []
        message = None
        for line in self.host.run(["exim4", "-bp"]).splitlines():
            head = re.match(r"\s*\S+\s+\S+\s+(\S{6}-\S{6}-\S{2}) <", line)
            if head:
                message = head[1]
            elif message and line.strip() and not line.strip().startswith("D "):
                found.append((line.strip(), self._last_failure(message)))
        return found

    def _last_failure(self, message):
        path = os.path.join(self.spool, "msglog", message)
        try:
            with open(path, encoding="utf-8", errors="replace") as file:
                lines = [line for line in file if " defer " in line or "==" in line or " error " in line]
        except FileNotFoundError:
            return ""
        return " ".join(line.split(" ", 2)[-1].strip() for line in lines[-3:])

    def empty_queue(self):
        messages = [name[:-2] for name in _files(os.path.join(self.spool, "input")) if name.endswith("-H")]
        if messages:
            self.host.run(["exim4", "-Mrm", *messages], check=False)
        shutil.rmtree(os.path.join(self.spool, "db"), ignore_errors=True)  # what it remembers of failing hosts

    def flush(self):
        self.host.run(["exim4", "-qff"])


class OpenSmtpd(MailServer):
    name = "opensmtpd"
    spool_name = "smtpd"
    attempt_pattern = r"to=<RECIPIENT> .*result="
    port = 10027

    CONFIGURATION = """
listen on lo port 10027 hostname opensmtpd.sender.lab
mta limit conn-delay-route 0 conn-delay-relay 0 conn-delay-domain 0 conn-delay-host 0 conn-delay-connector 0
mta limit conn-delay-source 0 reconn-delay-route 0 session-transaction-delay 0
action "out" relay helo opensmtpd.sender.lab
match from any for any action "out"
"""

    def configure(self):
        self._file("smtpd.conf", self.CONFIGURATION)

    def command(self):
        return ["/usr/sbin/smtpd", "-d"]

    def _smtpctl(self, *words, check=True):
        """As if the program had its set-group-id bit, which unpacking did not give it. Empty when the server is dying."""
        command = ["setpriv", "--regid", namespaces.USERS["opensmtpq"][1], "--clear-groups", "smtpctl", *words]
        try:
            return self.host.run(command, check=check)
        except namespaces.LabError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(2)
            if self.has_crashed():
                return ""
            raise

    def queue(self):
        found = []
        for line in self._smtpctl("show", "queue").splitlines():
            fields = line.split("|")
            if len(fields) > 11:
                found.append((fields[6], "|".join(fields[13:]) if fields[10] != "inflight" else ""))
        return found

    def empty_queue(self):
        for line in self._smtpctl("show", "queue").splitlines():
            self._smtpctl("remove", line.split("|")[0], check=False)

    def flush(self):
        self._smtpctl("schedule", "all")


def _files(directory):
    for _, _, names in os.walk(directory):
        yield from names


ALL = {server.name: server for server in (Postfix, Exim, OpenSmtpd)}
