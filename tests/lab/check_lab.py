# SPDX-License-Identifier: GPL-2.0-or-later
"""Domains with one mistake each, on real servers (Postfix, nginx, NSD), and `hopguard check` looking at them.

A domain NAME.example is sound unless it is told otherwise: a signed zone, an MX host `mx` with a certificate of the lab's authority
and a TLSA record for it, a policy of MTA-STS in mode enforce, a TLSRPT record.
"""

import concurrent.futures
import datetime
import functools
import json
import os
import shutil
import subprocess
import sys

import mta
import namespaces
import servers
from authority import EXPIRED, Authority
from dnsworld import Faulty, World, tlsa
from sts_lab import NGINX, NGINX_V6, Nginx

ADDRESS, FAULTY, FAULTY_TOO = "192.0.2.53", "192.0.2.54", "192.0.2.55"
CLOSED = "192.0.2.99"       # nobody listens there
VANISHED = "203.0.113.9"    # what is sent there is never heard of again
NO_ROUTE = "2001:db8:ffff::25"
REPORTS = '_smtp._tls TXT "v=TLSRPTv1; rua=mailto:tls@reports.example"\n'
POLICY = "version: STSv1\nmode: {mode}\n{mx}max_age: {max_age}\n"
# Neither a step of a dialogue nor a look-up takes as long, unless nobody answers; in seconds.
PATIENCE_S, LOOK_UP_S = 6, 20
WAITED = f"within [{PATIENCE_S}-9] s"  # what is said of who does not answer: a pattern, as it is told how long that really was


class CheckedPostfix(mta.Postfix):
    """One Postfix, as many servers as addresses."""

    spool_name = "postfix"

    def __init__(self, host, services):
        """services: address and smtpd's settings there."""
        self.services = services
        self.address, self.port = services[0][0], 25
        super().__init__(host)

    def configure(self):
        first = "\n".join(self._service(*service) for service in self.services)
        self.MASTER = self.MASTER.replace("127.0.0.1:10025 inet n - n - - smtpd", first)
        super().configure()

    @staticmethod
    def _service(address, settings):
        line = f"[{address}]:25 inet n - n - - smtpd" if ":" in address else f"{address}:25 inet n - n - - smtpd"
        return line + "".join(f"\n  -o {{ {name} = {value} }}" for name, value in settings.items())

    def more_settings(self):
        return {"inet_interfaces": "all", "smtpd_relay_restrictions": "reject", "smtpd_tls_security_level": "may",
                "smtpd_tls_loglevel": "1", "smtpd_tls_protocols": ">=TLSv1.2", "smtpd_client_connection_count_limit": "0"}


class CheckedExim(mta.Exim):
    """One Exim (GnuTLS), at each address in another mood."""

    MOODS = {
        "sound": "", "dual": "",
        "grey": "defer condition = MOOD\n  message = greylisted, come back later",
        "slow": "accept condition = MOOD\n  delay = 12s",
        "unwilling": "deny condition = MOOD\n  message = your address is on a list",
    }

    def __init__(self, host, moods, keys):
        """moods: by address; keys: certificate and key files, one behind the other where there are two."""
        self.moods, self.keys = moods, keys
        self.address, self.port = next(iter(moods)), 25
        super().__init__(host)

    def configure(self):
        connect = "\n".join("  " + self.MOODS[mood].replace("MOOD", f"${{if eq{{$received_ip_address}}{{{address}}}}}")
                            for address, mood in self.moods.items() if self.MOODS.get(mood))
        where = {mood: address for address, mood in self.moods.items()}
        certificates, keys = zip(*self.keys)
        head, _ = self.CONFIGURATION.split("local_interfaces")
        self.CONFIGURATION = f"""{head}
local_interfaces = <; {" ; ".join(self.moods)}
keep_environment =
rfc1413_query_timeout = 0s
host_lookup =
tls_advertise_hosts = ${{if eq{{$received_ip_address}}{{{where["silent-offer"]}}}{{}}{{*}}}}
tls_certificate = ${{if eq{{$received_ip_address}}{{{where["dual"]}}}{{{" : ".join(certificates)}}}{{{certificates[0]}}}}}
tls_privatekey = ${{if eq{{$received_ip_address}}{{{where["dual"]}}}{{{" : ".join(keys)}}}{{{keys[0]}}}}}
acl_smtp_connect = connect
acl_smtp_helo = helo
acl_smtp_starttls = starttls
begin acl
connect:
{connect}
  accept
helo:
  deny condition = ${{if eq{{$received_ip_address}}{{{where["choosy"]}}}}}
    message = your name is on a list
  accept
starttls:
  deny condition = ${{if eq{{$received_ip_address}}{{{where["refusing"]}}}}}
    message = not today
  accept
begin routers
begin transports
begin retry
begin rewrite
begin authenticators
"""
        super().configure()

    def wait_until_ready(self, timeout_s=60):
        """Some moods greet nobody."""


class CheckedOpenSmtpd(mta.OpenSmtpd):
    """One OpenSMTPD, at each address in another mood: "clear", or "tls", where it breaks off every handshake (see receivers.py)."""

    def __init__(self, host, moods, certificate, key):
        self.moods, self.certificate, self.key = moods, certificate, key
        self.address, self.port = next(iter(moods)), 25
        super().__init__(host)

    def configure(self):
        listen = "\n".join(f'listen on {address} hostname "mx.lab"' + (" tls pki lab" if mood == "tls" else "")
                           for address, mood in self.moods.items())
        self.CONFIGURATION = f"""
pki lab cert "{self.certificate}"
pki lab key "{self.key}"
{listen}
action "out" relay
match from any for any action "out"
"""
        super().configure()


class CheckLab:
    def __init__(self, directory, more=()):
        """more: other servers than Postfix, exim and opensmtpd, for exim() and opensmtpd()."""
        self.directory = str(directory)
        os.chmod(self.directory, 0o755)
        self.host = namespaces.Host(os.path.join(self.directory, "hosts"), "check", unpacked=("postfix", *more)).ready()
        self.prefix = ["nsenter", "-t", str(self.host.pid), "-n", "--"]
        self.world = World(self.directory, ADDRESS)
        self.authority = Authority(self.directory)
        self.stranger = Authority(self.directory, "stranger")
        self.intermediate = None
        self.nginx = Nginx(self.directory, self.prefix)
        self.addresses = [ADDRESS, FAULTY, FAULTY_TOO, CLOSED, NGINX, NGINX_V6]
        self.services, self.bad, self.rules, self.running = [], [], [], []
        self.policy_hosts = []
        self.exims, self.opensmtpds = {}, {}
        self.certificates = {}
        self.shared = os.path.join(self.directory, "shared.pem")
        self.shared_names = []
        self.next_number = 1

    # Places

    def _address(self, family=4):
        number = self.next_number
        self.next_number += 1
        self.addresses.append(f"198.51.100.{number}" if family == 4 else f"2001:db8:25::{number:x}")
        return self.addresses[-1]

    def certificate(self, *names, **how):
        key = (names, tuple(how.items()))
        if key not in self.certificates:
            self.certificates[key] = self.authority.issue(*names, **how)
        return self.certificates[key]

    def postfix(self, name, certificate=None, family=4, **settings):
        """The address of a Postfix that calls itself by that name; settings of smtpd may be given, None: its default. All that
        are not given a certificate have one together, as at a large provider."""
        address = self._address(family)
        if not certificate:
            self.shared_names.append(name)
        chosen = {"myhostname": name, "smtpd_tls_chain_files": f"{self.authority.key}, {certificate or self.shared}",
                  "smtpd_tls_exclude_ciphers": "aNULL"}
        chosen.update(settings)
        self.services.append((address, {key: value for key, value in chosen.items() if value is not None}))
        return address

    def bad_server(self, kind):
        address = self._address()
        self.bad.append(f"{address}={kind}")
        return address

    def exim(self, mood):
        """The address of an Exim in that mood; its certificates are for all names of the lab."""
        address = self._address()
        self.exims[address] = mood
        return address

    def opensmtpd(self, mood):
        address = self._address()
        self.opensmtpds[address] = mood
        return address

    @functools.cached_property
    def key(self):
        """The record of the key that all certificates of the lab are for."""
        return tlsa(self.certificate("mx.lab"))

    # Domains

    def domain(self, name, records=None, policy="enforce", txt='"v=STSv1; id=20260101;"', max_age=604800, mx="mx.{0}", more="",
               policy_certificate=None, text=None, reports=REPORTS, faults=(), policy_host=f"A {NGINX}", **zone):
        """records: lines of the zone; None: one sound MX host. policy None: no MTA-STS at all; more: nginx's configuration."""
        domain = f"{name}.example"
        if records is None:
            records = self.sound_host(domain)
        if faults:
            zone.setdefault("address", FAULTY)
            self.rules += [(kind, f"{below}{domain}.", fault) for kind, below, fault in faults]
        if policy:
            patterns = "".join(f"mx: {pattern.format(domain)}\n" for pattern in mx.split())
            if text is None:
                text = POLICY.format(mode=policy, mx=patterns, max_age=max_age)
            self.policy_hosts.append((domain, policy_certificate, text, more))
            records += "".join(f"_mta-sts TXT {one}\n" for one in txt.split("|") if one)
            records += f"mta-sts {policy_host}\n"
        self.world.zone(domain + ".", records + reports, **zone)
        return domain

    def sound_host(self, domain, label="mx", preference=10, family=4, record=True, certificate=None, **settings):
        host = f"{label}.{domain}"
        address = self.postfix(host, certificate, family, **settings)
        return (f"@ MX {preference} {label}\n{label} {'A' if family == 4 else 'AAAA'} {address}\n" +
                (f"_25._tcp.{label} TLSA {self.key}\n" if record else ""))

    def bad_host(self, kind, label="mx", preference=10):
        return f"@ MX {preference} {label}\n{label} A {self.bad_server(kind)}\n"

    def expired(self, *names):
        return self.certificate(*names, valid=EXPIRED)

    @staticmethod
    def soon():
        """A validity that ends in five days and a half."""
        end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(days=5, hours=12)
        return "20200101000000Z", end.strftime("%Y%m%d%H%M%SZ")

    def below(self, *names, chain=False):
        """A certificate of an authority below the lab's; with chain, that one's certificate stands behind it."""
        if not self.intermediate:
            self.intermediate = self.authority.below("below")
        certificate = self.intermediate.issue(*names)
        return self.joined(certificate, self.intermediate.certificate) if chain else certificate

    def below_expired(self, *names):
        """A certificate of an authority whose own has expired, and that one behind it."""
        past = self.authority.below("past", valid=EXPIRED)
        return self.joined(past.issue(*names), past.certificate)

    def cross_signed(self, *names):
        """As when an authority was new: its own certificate by an older one, whom nobody knows any more, is sent along."""
        chain = self.below(*names, chain=True)
        return self.joined(chain, self.authority.signed_by(self.stranger, EXPIRED))

    def signed_twice(self, *names):
        """The authority has one certificate by the lab's authority and another by a stranger; both are sent."""
        new = self.authority.below("new")
        return self.joined(new.issue(*names), new.certificate, new.signed_by(self.stranger))

    def with_anchor(self, *names, **how):
        """The authority's own certificate is sent along, as usage 2 asks."""
        return self.joined(self.certificate(*names, **how), self.authority.certificate)

    def _make_key(self, algorithm, *options):
        path = os.path.join(self.directory, f"{algorithm}.key".lower())
        subprocess.run([servers.openssl(), "genpkey", "-quiet", "-algorithm", algorithm, *options, "-out", path],
                       check=True, stderr=subprocess.DEVNULL)
        return path

    @functools.cached_property
    def rsa_key(self):
        return self._make_key("RSA", "-pkeyopt", "rsa_keygen_bits:2048")

    @functools.cached_property
    def eddsa_key(self):
        return self._make_key("ED25519")

    def two_keys(self, name, **how):
        """smtpd's settings of a server with an ECDSA and an RSA key; the record of the latter is `rsa_record`. how: of the second
        one's certificate, its key, too."""
        how = {"key": self.rsa_key, **how}
        second = self.certificate(name, **how)
        return {"smtpd_tls_chain_files": f"{self.authority.key}, {self.certificate(name)}, {how['key']}, {second}"}

    @functools.cached_property
    def rsa_record(self):
        return tlsa(self.certificate("rsa.lab", key=self.rsa_key))

    def joined(self, *certificates):
        path = os.path.join(self.directory, f"chain{len(os.listdir(self.directory))}.pem")
        with open(path, "w", encoding="ascii") as joined:
            for certificate in certificates:
                with open(certificate, encoding="ascii") as file:
                    joined.write(file.read())
        return path

    def tenants(self, name, other):
        """smtpd's settings: the key of `name` is shown to those who ask for it, that of `other` to the rest."""
        path = os.path.join(self.directory, f"sni-{name}")
        chain = os.path.join(self.directory, f"sni-{name}.pem")
        with open(chain, "w", encoding="ascii") as joined:
            for part in (self.authority.key, self.certificate(name)):
                with open(part, encoding="ascii") as file:
                    joined.write(file.read())
        with open(path, "w", encoding="utf-8") as file:
            file.write(f"{name} {chain}\n")
        stranger = self.stranger.issue(other)
        return {"tls_server_sni_maps": f"texthash:{path}",
                "smtpd_tls_chain_files": f"{self.stranger.key}, {stranger}"}

    # Life

    def start(self):
        self.host.ip(*(f"address add {address}/{128 if ':' in address else 32} dev lo" for address in self.addresses),
                     "link add void type veth peer name pit", "link set void up", "link set pit up",
                     "route add 203.0.113.0/24 dev void",
                     f"neighbour add {VANISHED} lladdr 02:00:00:00:00:01 dev void nud permanent",
                     "route add 2001:db8:66::/48 dev void",
                     "neighbour add 2001:db8:66::9 lladdr 02:00:00:00:00:01 dev void nud permanent")
        self.running.append(self.world.serve(self.prefix))
        self.running.append(Faulty(self.world, FAULTY, self.rules, self.prefix))
        self.running.append(Faulty(self.world, FAULTY_TOO, [], self.prefix))
        shutil.copy(self.authority.issue(*self.shared_names), self.shared)
        shared = self.authority.issue(*("mta-sts." + domain for domain, own, _, _ in self.policy_hosts if not own))
        for domain, own, text, more in self.policy_hosts:
            self.nginx.host(domain, own or shared, self.authority.key, text, more)
        self.nginx.start()
        self.running.append(self.nginx)
        postfix = CheckedPostfix(self.host, self.services)
        postfix.launch()
        self.running.append(postfix)
        self._start_bad()
        self._start_others()
        postfix.wait_until_ready()

    def _copy(self, key, name, mode):
        path = os.path.join(self.directory, name)
        shutil.copy(key, path)
        os.chmod(path, mode)
        return path

    def _start_others(self):
        others = []
        if self.exims:  # it reads its key when it is no longer root
            second = self.certificate(*self.shared_names, key=self.rsa_key)
            others.append(CheckedExim(self.host, self.exims, ((self.shared, self._copy(self.authority.key, "exim.key", 0o644)),
                                                              (second, self._copy(self.rsa_key, "exim-rsa.key", 0o644)))))
        if self.opensmtpds:
            others.append(CheckedOpenSmtpd(self.host, self.opensmtpds, self.shared, self._copy(self.authority.key, "smtpd.key", 0o600)))
        for server in others:
            server.launch()
            self.running.append(server)
        for server in others:
            server.wait_until_ready()

    def _start_bad(self):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "bad_mx.py")
        process = subprocess.Popen([*self.prefix, sys.executable, script, self.certificate("mx.lab"), self.authority.key, *self.bad],
                                   stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)
        assert process.stdout.readline() == b"ready\n"
        self.running.append(Running(process))

    def command(self, *arguments, configuration=None, before=()):
        command = [*self.prefix, *before, servers.hopguard(), "check", "--timeout", str(PATIENCE_S), "--ehlo", "gate.example"]
        if configuration is None:
            command += ["--config", "/dev/null"]
        for setting in (f"dns.trust-anchor={self.world.trust_anchor}", f"dns.root-hints={self.world.root_hints}",
                        f"tls.ca-file={self.authority.certificate}", f"dns.timeout-seconds={LOOK_UP_S}"):
            command += ["--set", setting]
        return [*command, *(["--config", configuration] if configuration else []), *arguments]

    def run(self, *arguments, **how):
        return subprocess.run(self.command(*arguments, **how), capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=100,
                              check=False)

    def check_all(self, domains, arguments=None, **how):
        """What `check --json` says of each, by domain: many at a time. arguments: more of them, by domain."""
        def one(domain):
            done = self.run("--json", domain, *(arguments or {}).get(domain, ()), **how)
            assert done.returncode in (0, 1), (domain, done.returncode, done.stderr)
            answer = json.loads(done.stdout)
            answer["exit"] = done.returncode
            return domain, answer

        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return dict(pool.map(one, domains))

    def stop(self):
        for running in reversed(self.running):
            running.stop()
        self.host.close()


class Running:
    def __init__(self, process):
        self.process = process

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
