# SPDX-License-Identifier: GPL-2.0-or-later
"""Policy hosts (nginx, and one that misbehaves), a DNS world, and hopguard's own MTA-STS engine asking there."""

import json
import os
import select
import subprocess
import sys
import time

import servers
from authority import EXPIRED, FUTURE, Authority
from dane_lab import ADDRESS, FAULTY, Net
from dnsworld import START_PATIENCE_S, Faulty, World

NGINX = "192.0.2.80"
NGINX_V6 = "2001:db8::80"
ROGUE = "192.0.2.81"
NOBODY = "192.0.2.82"  # an address where nobody listens
PATH = ".well-known/mta-sts.txt"
POLICY = "version: STSv1\nmode: enforce\nmx: mx1.{0}\nmx: *.mail.{0}\nmax_age: 604800\n"
ID = "20260101T000000"

NGINX_CONFIGURATION = """
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/error.log warn;
events {{ worker_connections 512; }}
http {{
    access_log {directory}/access.log;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server_names_hash_bucket_size 128;
    server_names_hash_max_size 4096;
    default_type text/plain;
    {servers}
}}
"""
NGINX_SERVER = """
    server {{
        listen {v4}:443 ssl;
        listen [{v6}]:443 ssl;
        server_name mta-sts.{domain};
        ssl_certificate {certificate};
        ssl_certificate_key {key};
        root {root};
        {more}
    }}
"""


class Nginx:
    """Policy hosts at an IPv4 and an IPv6 address."""

    def __init__(self, directory, prefix, addresses=(NGINX, NGINX_V6), name="nginx"):
        self.directory = os.path.join(directory, name)
        self.prefix = prefix
        self.addresses = addresses
        self.process = None
        os.makedirs(self.directory)
        os.chmod(self.directory, 0o755)
        self.blocks = []

    def host(self, domain, certificate, key, text=None, more=""):
        root = os.path.join(self.directory, "roots", domain)
        os.makedirs(os.path.join(root, ".well-known"))
        self.blocks.append(NGINX_SERVER.format(v4=self.addresses[0], v6=self.addresses[1], domain=domain, certificate=certificate, key=key,
                                               root=root, more=more))
        if text is not None:
            self.publish(domain, text)

    def publish(self, domain, text):
        """Another file, or none."""
        path = os.path.join(self.directory, "roots", domain, PATH)
        if text is None:
            os.unlink(path)
            return
        with open(path + ".new", "wb") as file:
            file.write(text if isinstance(text, bytes) else text.encode())
        os.rename(path + ".new", path)

    def _logged(self):
        with open(os.path.join(self.directory, "access.log"), encoding="utf-8") as file:
            return sum(1 for _ in file)

    def asked(self):
        """How often a file was asked for, all hosts together; it is written down a little after the answer."""
        before, logged = None, self._logged()
        while before != logged:
            time.sleep(0.3)
            before, logged = logged, self._logged()
        return logged

    def start(self):
        path = os.path.join(self.directory, "nginx.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(NGINX_CONFIGURATION.format(directory=self.directory, servers="".join(self.blocks)))
        self.process = subprocess.Popen([*self.prefix, servers.nginx(), "-p", self.directory, "-c", path],
                                        stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + START_PATIENCE_S
        probe = "import socket, sys; socket.create_connection((sys.argv[1], 443), 1)"
        while time.monotonic() < deadline and self.process.poll() is None:
            done = subprocess.run([*self.prefix, sys.executable, "-c", probe, self.addresses[0]], stderr=subprocess.DEVNULL,
                                  check=False)
            if done.returncode == 0:
                return
        raise AssertionError("nginx did not start")

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        self.process = None


class Engine:
    """tests/tools/sts_ask, spoken to line by line."""

    def __init__(self, lab, ca_file=None, port=None, environment=None, look_up_ms=2000):
        command = [*lab.net.prefix, servers.test_tool("sts_ask"), "--trust-anchor", lab.world.trust_anchor,
                   "--root-hints", lab.world.root_hints, "--timeout", str(look_up_ms),
                   "--ca-file", ca_file or lab.authority.certificate]
        command += ["--port", str(port)] if port else []
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, bufsize=0,
                                        env=dict(os.environ, **(environment or {})))
        self.buffer = b""
        self.tells = []
        self.rows = []
        self.kept = []

    def send(self, *lines):
        self.process.stdin.write("".join(line + "\n" for line in lines).encode())

    def read(self, timeout_s):
        """The next line that is neither row nor alert; None when none comes."""
        deadline = time.monotonic() + timeout_s
        while True:
            while b"\n" in self.buffer:
                line, self.buffer = self.buffer.split(b"\n", 1)
                message = json.loads(line)
                if "tell" in message:
                    self.tells.append(message)
                elif "row" in message:
                    self.rows.append(message)
                else:
                    return message
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.process.stdout], [], [], left)[0]:
                return None
            piece = self.process.stdout.read(65536)
            assert piece, f"sts_ask ended with {self.process.wait()}"
            self.buffer += piece

    def until(self, key, value, timeout_s=20):
        for i, message in enumerate(self.kept):
            if message.get(key) == value:
                return self.kept.pop(i)
        deadline = time.monotonic() + timeout_s
        while (message := self.read(max(0, deadline - time.monotonic()))) is not None:
            if message.get(key) == value:
                return message
            self.kept.append(message)
        raise AssertionError(f"no {key} {value}")

    def ask(self, domain, word="ask", timeout_s=20):
        self.send(f"{word} {domain}")
        return self.until("ask", domain, timeout_s)

    def refresh(self, domain):
        return self.ask(domain, "refresh")

    def do(self, command):
        self.send(command)
        self.until("done", command.split()[0])

    def evidence(self, domain):
        self.send(f"evidence {domain}")
        return self.until("evidence", domain)

    def allows(self, domain, host):
        self.send(f"allows {domain} {host}")
        return self.until("allows", host)["is_allowed"]

    def wait_for(self, condition, timeout_s=15):
        """Reads on until the condition holds."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline, (self.tells, self.rows)
            message = self.read(0.1)
            if message is not None:
                self.kept.append(message)

    def told(self, domain):
        return [tell["text"] for tell in self.tells if tell["tell"] == domain]

    def stop(self):
        self.process.stdin.close()
        status = self.process.wait(10)
        self.process.stdout.close()
        assert status == 0


class StsLab:
    def __init__(self, directory):
        self.directory = str(directory)
        os.chmod(self.directory, 0o755)
        self.net = Net([ADDRESS, FAULTY, NGINX, NGINX_V6, ROGUE, NOBODY])
        self.world = World(self.directory, ADDRESS)
        self.authority = Authority(self.directory)
        self.stranger = Authority(self.directory, "stranger", self.authority.key)
        self.nginx = Nginx(self.directory, self.net.prefix)
        self.rules = []
        self.running = []
        self.rogue_names = []
        self.records = {}
        self.dns = None

    def domain(self, name, text=None, txt=(f"v=STSv1; id={ID};",), host=NGINX, certificate=None, more="", faults=(), **zone):
        """A domain NAME.example: its TXT records, where its policy host is, what that says. faults: (type, name below, fault)."""
        domain = f"{name}.example"
        if faults:
            zone.setdefault("address", FAULTY)
            self.rules += [(kind, f"{below}{domain}.", fault) for kind, below, fault in faults]
        self.records[domain] = dict(host=host, zone=zone)
        self.set_txt(domain, *txt)
        if host == ROGUE:
            self.rogue_names.append("mta-sts." + domain)
        elif host in (NGINX, NGINX_V6):
            self.nginx.host(domain, certificate or self.authority.issue("mta-sts." + domain), self.authority.key,
                            POLICY.format(domain) if text is None else text or None, more)
        return domain

    def set_txt(self, domain, *txt):
        """Before start(), or followed by reload()."""
        known = self.records[domain]
        lines = "".join("_mta-sts TXT " + " ".join(f'"{part}"' for part in ([one] if isinstance(one, str) else one)) + "\n"
                        for one in txt)
        hosts = known["host"] if isinstance(known["host"], (list, tuple)) else [known["host"]]
        for host in hosts:
            if host:
                lines += f"mta-sts {'AAAA' if ':' in host else 'A'} {host}\n"
        self.world.zone(domain + ".", lines, **dict(dict(signed=False, ttl=1), **known["zone"]))

    def bad_certificates(self):
        """By kind, each for mta-sts.KIND.example unless that is the fault."""
        issue = self.authority.issue
        return {
            "expired": issue("mta-sts.expired.example", valid=EXPIRED),
            "not-yet-valid": issue("mta-sts.not-yet-valid.example", valid=FUTURE),
            "self-signed": issue("mta-sts.self-signed.example", self_signed=True),
            "other-name": issue("other-name.example", "www.other-name.example"),
            "common-name": issue(common_name="mta-sts.common-name.example"),
        }

    def start(self):
        self.dns = self.world.serve(self.net.prefix)
        self.running.append(self.dns)
        if self.rules:
            self.running.append(Faulty(self.world, FAULTY, self.rules, self.net.prefix))
        self.nginx.start()
        self.running.append(self.nginx)
        if self.rogue_names:
            self.running.append(Rogue(self))

    def reload(self, *engines):
        self.dns.reload()
        for engine in engines:
            engine.do("renew")

    def engine(self, **how):
        return Engine(self, **how)

    def stop(self):
        for running in reversed(self.running):
            running.stop()
        self.net.stop()


class Rogue:
    def __init__(self, lab):
        script = os.path.join(os.path.dirname(os.path.abspath(__file__)), "policy_host.py")
        self.process = subprocess.Popen(
            [*lab.net.prefix, sys.executable, script, ROGUE, lab.authority.issue(*lab.rogue_names), lab.authority.key],
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        assert self.process.stdout.readline() == b"ready\n"

    def stop(self):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()
