# SPDX-License-Identifier: GPL-2.0-or-later
"""Three hosts in a row, new ones for each measurement:

    sender --- gateway --- receiver

What the gateway does with mail on its way is a Way. Load clients run at the sender, sinks and name server at the receiver, all of
them and the daemons in processes of their own, whose processor time the kernel tells.
"""

import contextlib
import functools
import glob
import itertools
import json
import os
import shutil
import subprocess
import sys
import time

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(TOP, "tests/lab"))

import dnsworld  # noqa: E402
import guard  # noqa: E402
import namespaces  # noqa: E402
import servers  # noqa: E402
import sink as lab_sink  # noqa: E402

NAMESERVER = "198.51.100.1"
SERVER, SERVERS = "198.51.100.10", 8  # addresses of the sink that clients go to, in turn
CLIENTS = ["192.0.2.0/24"]
QUEUE, MARKS = 2500, 0x0F000000
QUEUE_FILE = "/proc/net/netfilter/nfnetlink_queue"
LOAD_PATIENCE_S = 120


# Nice values: of what is measured before what else the machine does, and of who is behind a queue before clients and servers.
# Ten steps are a share nine times as large, as the unit's CPUWeight= is ten times that of others.
PREFERENCE, PREFERENCE_BEHIND_A_QUEUE = -10, -20


class BenchError(Exception):
    pass


def prefer(process, preference=PREFERENCE):
    """The kernel shares processors among sessions first: what else the machine does gets less of them than this one."""
    with contextlib.suppress(OSError), open(f"/proc/{process.pid}/autogroup", "w", encoding="ascii") as file:
        file.write(str(preference))
    return process


def run_as_by_the_unit(process, pids):
    """A session of processes behind a queue: as systemd/hopguard.service has the kernel run them."""
    prefer(process, PREFERENCE_BEHIND_A_QUEUE)
    for pid in pids:
        os.sched_setscheduler(pid, os.SCHED_BATCH, os.sched_param(0))


def tool(folder, name):
    path = os.path.join(os.path.dirname(servers.PROGRAM), "tests", folder, name)
    if not os.access(path, os.X_OK):
        raise BenchError(f"{path} is not built: run `make bench`, or `make programs`")
    return path


class Site:
    """What all measurements have in common: a key for the sinks, and signed zones.

    plain.lab promises nothing, dane.lab has TLSA records, in many.lab every name below is a domain with its own MX that promises
    nothing."""

    def __init__(self):
        self.directory = namespaces.make_directory()
        self.key, self.certificate = lab_sink.make_key(self.directory, "mx.plain.lab")
        addresses = [f"198.51.100.{10 + number}" for number in range(SERVERS)]
        hosts = "".join(f"mx A {address}\n" for address in addresses)
        self.dns = dnsworld.World(self.directory, NAMESERVER)
        self.dns.zone("plain.lab.", "@ MX 10 mx\n" + hosts, ttl=3600)
        self.dns.zone("dane.lab.", f"@ MX 10 mx\n{hosts}_25._tcp.mx TLSA {dnsworld.tlsa(self.certificate)}\n", ttl=3600)
        self.dns.zone("many.lab.", f"* MX 10 mx\n{hosts}", ttl=3600)
        self.dns.build()
        self._serial = itertools.count()

    @contextlib.contextmanager
    def net(self, way, sinks=1):
        one = Net(self, way, next(self._serial), sinks)
        try:
            one.start(way)
            yield one
        finally:
            one.close()


def cpu_s(pids):
    """What the scheduler counted of all their threads; a process that is gone counts no more."""
    total = 0
    for pid in pids:
        for path in glob.glob(f"/proc/{pid}/task/*/schedstat"):
            with contextlib.suppress(OSError), open(path, encoding="ascii") as file:
                total += int(file.read().split()[0])
    return total / 1e9


class Net:
    def __init__(self, site, way, serial, sinks):
        self.site = site
        self.way = way
        self.directory = os.path.join(site.directory, f"net-{serial}")
        os.mkdir(self.directory)
        os.chmod(self.directory, 0o755)
        self.sender, self.gateway, self.receiver = self.hosts = [
            namespaces.Host(self.directory, name) for name in ("sender", "gateway", "receiver")]
        self.sink_count = sinks
        self.sinks, self.daemons = [], {}  # daemons: process ids by name
        self.guard = None
        self._dns = None

    def start(self, way):
        for host in self.hosts:
            host.ready()
        self._wire()
        for _ in range(self.sink_count):
            self.sinks.append(prefer(self.receiver.spawn([tool("bench", "sink"), 25, self.site.certificate, self.site.key],
                                                         stdout=subprocess.PIPE, text=True)))
        for one in self.sinks:
            if one.stdout.readline() != "ready\n":
                raise BenchError("a sink did not start")
        if way.needs_dns:
            self._dns = self.site.dns.serve(self.receiver.command([]))
        way.start(self)

    def _wire(self):
        namespaces.link(self.sender, "out0", self.gateway, "in0")
        namespaces.link(self.gateway, "out0", self.receiver, "in0")
        self.sender.ip("addr add 192.0.2.2/24 dev out0", "route add default via 192.0.2.1")
        self.gateway.ip("addr add 192.0.2.1/24 dev in0", "addr add 203.0.113.1/24 dev out0",
                        "route add default via 203.0.113.2")
        self.receiver.ip("addr add 203.0.113.2/24 dev in0", "route add local 198.51.100.0/24 dev lo",
                         "route add default via 203.0.113.1")
        # The table of connections is the machine's, and has no room for two minutes of all that ended.
        self.gateway.run(["sh", "-c", "cd /proc/sys/net; echo 1 >ipv4/ip_forward; "
                          "echo 20 >netfilter/nf_conntrack_tcp_timeout_time_wait"])
        for host in (self.sender, self.receiver):
            host.run(["sh", "-c", "cd /proc/sys/net; echo 1024 65535 >ipv4/ip_local_port_range; "
                      "echo 65535 >core/somaxconn; echo 65535 >ipv4/tcp_max_syn_backlog"])

    def close(self):
        if self._dns:
            self._dns.stop()
        for host in self.hosts:
            host.close()
        shutil.rmtree(self.directory, ignore_errors=True)

    # Load

    def start_load(self, **options):
        """A client that runs on its own."""
        words = {"server": SERVER, "servers": SERVERS, "port": 25} | {key.replace("_", "-"): value
                                                                      for key, value in options.items()}
        return prefer(self.sender.spawn([tool("bench", "load"), *(f"{key}={value}" for key, value in words.items())],
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True))

    def load(self, patience_s=LOAD_PATIENCE_S, **options):
        """What the client says at its end."""
        process = self.start_load(**options)
        printed, _ = process.communicate(timeout=patience_s)
        try:
            return json.loads(printed.splitlines()[-1])
        except (IndexError, ValueError):
            raise BenchError(f"load {options}: exit {process.returncode} {printed!r}") from None

    def measured(self, **options):
        """The same, with processor times of all: seconds. What did not arrive at a sink is an error."""
        before = self.times()
        queued = self.queue_counts()["queued"]
        figures = self.load(**options)
        after = self.times()
        figures["sink_cpu_s"] = after.pop("sink") - before.pop("sink")
        figures["daemons_cpu_s"] = {name: after[name] - before[name] for name in after}
        figures["daemon_cpu_s"] = sum(figures["daemons_cpu_s"].values())
        figures["queued"] = self.queue_counts()["queued"] - queued
        if figures["failed"]:
            raise BenchError(f"{self.way.name}: {figures['failed']} sessions failed: {figures}")
        return figures

    def times(self):
        return {name: cpu_s([pid]) for name, pid in self.daemons.items()} | {
            "sink": cpu_s(namespaces.inner_pid(one) for one in self.sinks)}

    def stop_sinks(self):
        """What came to them, added up."""
        total = {}
        for one in self.sinks:
            namespaces.stop(one)
            for key, value in json.loads(one.stdout.read().splitlines()[-1]).items():
                total[key] = total.get(key, 0) + value
        self.sinks = []
        return total

    def queue_counts(self):
        """Of all queues of the gateway: packets that went in, and those that were dropped for want of room or of a reader."""
        counts = {"queued": 0, "dropped": 0, "waiting": 0}
        for line in self.gateway.network_command(["cat", QUEUE_FILE]).splitlines():
            fields = [int(word) for word in line.split()]
            counts["waiting"] += fields[2]
            counts["dropped"] += fields[5] + fields[6]
            counts["queued"] += fields[7]
        return counts


class Way:
    """What the gateway does. `skipped` says why it cannot be had here."""

    needs_dns = False
    daemon = True  # something stands behind a queue
    skipped = ""
    domain = "plain.lab"

    def __init__(self, name, title):
        self.name = name
        self.title = title

    def try_out(self, site):
        """Finds out whether it can be had, where only a gateway of it tells."""

    def start(self, net):
        pass


class Bare(Way):
    """It forwards."""

    daemon = False


class Tracked(Way):
    """It forwards and tracks connections, as every stateful firewall does."""

    daemon = False

    def start(self, net):
        net.gateway.run(["iptables-legacy", "-A", "FORWARD", "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP"])


class Accept(Way):
    """The queue with hopguard's rules, and a program behind it that accepts everything."""

    def __init__(self, name, title, *words):
        super().__init__(name, title)
        self.words = words

    def start(self, net):
        settings = [word for setting in (*common(), "mode=enforce", "on-failure=closed") for word in ("--set", setting)]
        empty = os.path.join(net.directory, "hopguard.conf")
        with open(empty, "w", encoding="ascii"):
            pass
        net.gateway.run([servers.hopguard(), "rules", "apply", "--config", empty, *settings])
        net.acceptor = net.gateway.spawn([tool("tools", "queue_accept"), QUEUE, 1, hex(MARKS), *self.words, "quiet"],
                                         stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        if net.acceptor.stdout.readline() != "ready\n":
            raise BenchError("queue_accept did not start")
        net.daemons = {"accept": namespaces.inner_pid(net.acceptor)}
        run_as_by_the_unit(net.acceptor, net.daemons.values())


def common():
    """One queue: all clients have one address, and the kernel spreads by addresses."""
    return ["queues=1", f"queue-first={QUEUE}", f"mark-mask={MARKS:#x}", "clients={" + ", ".join(CLIENTS) + "}"]


class Hopguard(Way):
    needs_dns = True

    def __init__(self, name, title, *settings, domain="plain.lab"):
        super().__init__(name, title)
        self.settings = [*settings, *(["passage=none"] if is_known("passage=none") else [])]
        self.domain = domain

    def start(self, net):
        syslog = guard.Syslog(net.gateway)  # somebody has to listen there, as on a real host
        net.guard = guard.Guard(net.gateway, net.directory, net.site.dns, CLIENTS, (*common(), *self.settings))
        net.guard.syslog = syslog
        net.guard.start()
        named = {pid: name for name, pid in net.guard.processes().items()}
        net.daemons = {named[pid_inside(pid)]: pid for pid in guard.below(namespaces.inner_pid(net.guard.process))}
        run_as_by_the_unit(net.guard.process, net.daemons.values())


class Passage(Hopguard):
    """With message bodies that go on in the kernel; its name is what `passage` is set to."""

    def __init__(self, name, title):
        super().__init__(name, title)
        self.settings = [f"passage={name}"]
        if not is_known(*self.settings):
            self.skipped = f"this hopguard has no passage={name}"

    def try_out(self, site):
        if self.skipped:
            return
        with site.net(self) as net:
            passage = net.guard.status().get("passage", {})
        if passage.get("kernel") != self.name:
            self.skipped = f"passage is {passage.get('kernel')}: {passage.get('why', '')}"


@functools.cache
def is_known(*settings):
    """To this hopguard's configuration."""
    words = [word for setting in settings for word in ("--set", setting)]
    return subprocess.run([servers.hopguard(), "rules", "print", "--config", "/dev/null", *words], check=False,
                          stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0


def pid_inside(pid):
    """As its own host counts it."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return int(next(line for line in file if line.startswith("NSpid:")).split()[-1])


class Suricata(Way):
    """Inline, with its own rule that an SMTP session without STARTTLS is let pass, and bypass on: what it marks comes no more.
    Without a mask it sets no mark, and is asked about each packet of what it looks into no further."""

    def __init__(self, name, title):
        super().__init__(name, title)
        if not shutil.which("suricata"):
            self.skipped = "suricata is not installed"

    CONFIGURATION = """%YAML 1.1
---
default-log-dir: {directory}
nfq: {{mode: accept, batchcount: 20, fail-open: no, bypass-mark: 1, bypass-mask: 1}}
stream: {{memcap: 256mb, inline: yes, bypass: yes, reassembly: {{memcap: 512mb, depth: 1mb}}}}
app-layer: {{protocols: {{smtp: {{enabled: yes}}, tls: {{enabled: yes, encryption-handling: bypass}}}}}}
outputs: []
logging: {{default-log-level: warning, outputs: [{{file: {{enabled: yes, filename: suricata.log}}}}]}}
default-rule-path: {directory}
rule-files: [smtp.rules]
"""
    RULES = 'drop smtp any any -> any any (msg:"no STARTTLS offered"; content:"XXXXXXXA"; sid:1; rev:1;)\n'

    def start(self, net):
        path = os.path.join(net.directory, "suricata.yaml")
        with open(path, "w", encoding="ascii") as file:
            file.write(self.CONFIGURATION.format(directory=net.directory))
        with open(os.path.join(net.directory, "smtp.rules"), "w", encoding="ascii") as file:
            file.write(self.RULES)
        for side in ("--dport", "--sport"):
            net.gateway.run(["iptables-legacy", "-A", "FORWARD", "-p", "tcp", side, "25", "-m", "connmark", "!", "--mark", "1/1",
                             "-j", "NFQUEUE", "--queue-num", str(QUEUE)])
        # The hook behind the queue's is the first to see a verdict's mark.
        net.gateway.run(["iptables-legacy", "-t", "mangle", "-A", "POSTROUTING", "-m", "mark", "--mark", "1/1",
                         "-j", "CONNMARK", "--save-mark", "--mask", "1"])
        process = net.gateway.spawn(["suricata", "-c", path, "-q", str(QUEUE), "--runmode", "workers"],
                                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not namespaces.wait_until(lambda: net.gateway.network_command(["cat", QUEUE_FILE]).split(), 60):
            raise BenchError("suricata did not take its queue")
        time.sleep(1)
        net.daemons = {"suricata": namespaces.inner_pid(process)}
        run_as_by_the_unit(process, map(int, os.listdir(f"/proc/{net.daemons['suricata']}/task")))


def ways():
    return {one.name: one for one in (
        Bare("bare", "bare forwarding"),
        Tracked("tracked", "forwarding with connection tracking"),
        Accept("accept", "accept-all program"),
        Accept("accept-decided", "accept-all program, same offload", "decided"),
        Hopguard("monitor", "hopguard, `monitor`", "mode=monitor", "on-failure=open"),
        Hopguard("enforce", "hopguard, `enforce`"),
        Passage("ebpf", "hopguard, `enforce`, bodies passed by eBPF"),
        Passage("module", "hopguard, `enforce`, bodies passed by the module"),
        Hopguard("dane", "hopguard, `enforce`, to a DANE promise", domain="dane.lab"),
        Suricata("suricata", "Suricata inline, bypass on"),
    )}
