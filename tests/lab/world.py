# SPDX-License-Identifier: GPL-2.0-or-later
"""A little Internet on one machine:

    sender --- inside --- gateway --- outside --- far

The gateway is where hopguard stands. `inside` and `outside` are routers on which an attacker may sit: the one between
client and gateway, the other on the wide path. Every address of the documentation prefixes 198.51.100.0/24 and
2001:db8:3::/64 is at `far`, where mail and name servers listen, but for a few on `mx`, where the real mail servers
receive, if they are wanted.

The gateway's part can be played in four ways (`place`): "routed" forwards; "nat" also hides its clients behind its own
address, and drops what its connection tracking calls INVALID; "bridge" has no address on the path at all; with "host"
the guard stands on the sender itself. Changing the way takes a moment and restarts nothing.
"""

import contextlib
import os

import namespaces
import servers

PLACES = ("routed", "nat", "bridge", "host")
SENDER = {4: "192.0.2.2", 6: "2001:db8:1::2"}
CLIENTS = "192.0.2.0/24", "2001:db8:1::/64"
GATEWAY_OUT = {4: "203.0.113.1", 6: "2001:db8:2::1"}
MX_NUMBERS = {"postfix": 249, "exim": 250, "opensmtpd": 251}  # far_address() of the mail servers that receive
NAMESERVER = "198.51.100.1"  # authoritative, for the root as well
RESOLVER = "198.51.100.2"    # the site's own recursive one
MAIL_SERVERS = ("postfix", "exim", "opensmtpd")


def far_address(number, family):
    """One of the addresses that are at `far`, 1 to 254; the same number is the same server in both families."""
    return f"198.51.100.{number}" if family == 4 else f"2001:db8:3::{number:x}"


class World:
    def __init__(self, receivers=(), senders=MAIL_SERVERS):
        self.directory = namespaces.make_directory()
        resolver = {"resolv.conf": f"nameserver {RESOLVER}\noptions timeout:1 attempts:2\n"}
        self.sender = self._host("sender", senders, resolver)
        self.inside = self._host("inside")
        self.gateway = self._host("gateway")
        self.outside = self._host("outside")
        self.far = self._host("far")
        self.hosts = [self.sender, self.inside, self.gateway, self.outside, self.far]
        self.mx = self._host("mx", receivers, resolver) if receivers else None
        self.hosts += [self.mx] if receivers else []
        try:
            for host in self.hosts:
                host.ready()
            self._wire()
        except BaseException:
            self.close()
            raise

    def _host(self, name, unpacked=(), files=None):
        return namespaces.Host(self.directory, name, unpacked, files)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for host in self.hosts:
            host.close()

    # Cables and routes

    def _wire(self):
        namespaces.link(self.sender, "out0", self.inside, "in0")
        namespaces.link(self.inside, "out0", self.gateway, "in0")
        namespaces.link(self.gateway, "out0", self.outside, "in0")
        namespaces.link(self.outside, "out0", self.far, "in0")
        namespaces.link(self.gateway, "ops0", self.far, "ops0")  # for a gateway without addresses on the path
        for host in (self.inside, self.gateway, self.outside):
            host.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"])
        self.sender.ip("addr add 192.0.2.2/25 dev out0", "addr add 2001:db8:1::2/72 dev out0 nodad",
                       "route add default via 192.0.2.1", "route add ::/0 via 2001:db8:1::1")
        self.inside.ip("addr add 192.0.2.1/25 dev in0", "addr add 2001:db8:1::1/72 dev in0 nodad",
                       *self._INSIDE)
        self.outside.ip("addr add 203.0.113.129/25 dev out0", "addr add 2001:db8:2:0:100::1/72 dev out0 nodad",
                        "route add 198.51.100.0/24 via 203.0.113.130",
                        "route add 2001:db8:3::/64 via 2001:db8:2:0:100::2")
        self.far.ip("addr add 203.0.113.130/25 dev in0", "addr add 2001:db8:2:0:100::2/72 dev in0 nodad",
                    "route add local 198.51.100.0/24 dev lo", "route add local 2001:db8:3::/64 dev lo",
                    "addr add 203.0.113.254/32 dev ops0", "route add 203.0.113.253/32 dev ops0",
                    "route add default via 203.0.113.129", "route add ::/0 via 2001:db8:2:0:100::1")
        if self.mx:
            self._wire_mx()
        self.place = None
        self.set_place("routed")

    def _wire_mx(self):
        namespaces.link(self.outside, "mx0", self.mx, "in0")
        self.outside.ip("addr add 198.18.0.1/24 dev mx0", "addr add 2001:db8:4::1/64 dev mx0 nodad",
                        "route add 198.51.100.248/29 via 198.18.0.2", "route add 2001:db8:3::f8/125 via 2001:db8:4::2")
        addresses = [f"addr add {far_address(number, family)}/{bits} dev lo" + (" nodad" if family == 6 else "")
                     for number in MX_NUMBERS.values() for family, bits in ((4, 32), (6, 128))]
        self.mx.ip("addr add 198.18.0.2/24 dev in0", "addr add 2001:db8:4::2/64 dev in0 nodad", *addresses,
                   "route add default via 198.18.0.1", "route add ::/0 via 2001:db8:4::1")

    _INSIDE = (
        "addr add 192.0.2.130/25 dev out0", "addr add 2001:db8:1:0:100::2/72 dev out0 nodad",
        "route add default via 192.0.2.129", "route add ::/0 via 2001:db8:1:0:100::1")
    _ROUTED = (
        "addr add 192.0.2.129/25 dev in0", "addr add 2001:db8:1:0:100::1/72 dev in0 nodad",
        "addr add 203.0.113.1/25 dev out0", "addr add 2001:db8:2::1/72 dev out0 nodad",
        "route add 192.0.2.0/25 via 192.0.2.130", "route add 2001:db8:1::/72 via 2001:db8:1:0:100::2",
        "route add default via 203.0.113.2", "route add ::/0 via 2001:db8:2::2")
    _BRIDGED = (
        "link add br0 type bridge forward_delay 0", "link set in0 master br0", "link set out0 master br0",
        "link set br0 up",
        "addr add 203.0.113.253/32 dev ops0", "route add 203.0.113.254/32 dev ops0",
        "route add 198.51.100.0/24 via 203.0.113.254")

    def set_place(self, place):
        """Rebuilds the gateway; what runs on other hosts goes on."""
        if place == self.place:
            return
        assert place in PLACES
        self._clear_gateway()
        _flush(self.outside, "in0")
        if place == "bridge":
            self.outside.ip("addr add 192.0.2.129/25 dev in0", "addr add 2001:db8:1:0:100::1/72 dev in0 nodad",
                            "route add 192.0.2.0/25 via 192.0.2.130",
                            "route add 2001:db8:1::/72 via 2001:db8:1:0:100::2")
            self.gateway.run(["sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/in0/disable_ipv6; "
                              "echo 1 >/proc/sys/net/ipv6/conf/out0/disable_ipv6"])
            self.gateway.ip(*self._BRIDGED)
        else:
            self.outside.ip("addr add 203.0.113.2/25 dev in0", "addr add 2001:db8:2::2/72 dev in0 nodad",
                            "route add 192.0.2.0/24 via 203.0.113.1",
                            "route add 2001:db8:1::/64 via 2001:db8:2::1")
            self.gateway.ip(*self._ROUTED)
        if place == "nat":
            self._hide_clients()
        for host in (self.inside, self.gateway, self.outside):
            host.network_command(["ip", "neigh", "flush", "all"])
        self.place = place

    @contextlib.contextmanager
    def unplugged(self):
        """Both interfaces of the router are down, and come up as they were: what the kernel forgot is said again."""
        self.gateway.ip("link set in0 down", "link set out0 down")
        try:
            yield
        finally:
            self.gateway.ip("link set in0 up", "link set out0 up")
            _flush(self.gateway, "in0", "out0")
            self.gateway.ip(*self._ROUTED)

    def _routed_by(self, port):
        routes = {"in0": ("192.0.2.", "2001:db8:1:"), "out0": ("default", "::/0")}[port]
        return [line for line in self._ROUTED if f"dev {port}" in line or line.split()[2].startswith(routes)]

    def renew_interface(self):
        """The router's interface to its clients is gone, and one of the same name is there, of another number."""
        self.gateway.ip("link del in0")
        namespaces.link(self.inside, "out0", self.gateway, "in0")
        self.inside.ip(*self._INSIDE)
        self.gateway.ip(*self._routed_by("in0"))

    @contextlib.contextmanager
    def port_of_a_bridge(self, port):
        """The router has this side's addresses on a bridge, as a host of containers has, and the interface is a port of it."""
        mine = self._routed_by(port)
        self.gateway.ip("link add br0 type bridge forward_delay 0", "link set br0 up", f"link set {port} master br0")
        _flush(self.gateway, port)
        self.gateway.ip(*(line.replace(f"dev {port}", "dev br0").replace("route add", "route replace") for line in mine))
        try:
            yield
        finally:
            self.gateway.ip("link del br0")
            self.gateway.ip(*(line.replace("route add", "route replace") for line in mine))

    @contextlib.contextmanager
    def in_order(self):
        """Packets of a connection do not overtake each other: one processor has them all, as with a network card. Of veth it is whoever sends."""
        hosts = (self.inside, self.gateway, self.outside, self.far)
        for host in hosts:
            _steer(host, 1)
        try:
            yield
        finally:
            for host in hosts:
                _steer(host, 0)

    def _clear_gateway(self):
        if self.place == "bridge":
            self.gateway.ip("link del br0", "addr flush dev ops0")
            self.gateway.run(["sh", "-c", "echo 0 >/proc/sys/net/ipv6/conf/in0/disable_ipv6; "
                              "echo 0 >/proc/sys/net/ipv6/conf/out0/disable_ipv6"])
        elif self.place:
            _flush(self.gateway, "in0", "out0")
        if self.place == "nat":
            for command in self._nat_rules("-D"):
                self.gateway.run(command)

    def _hide_clients(self):
        for command in self._nat_rules("-A"):
            self.gateway.run(command)

    @staticmethod
    def _nat_rules(verb):
        for family in ("iptables", "ip6tables"):
            yield [family, "-w", "-t", "nat", verb, "POSTROUTING", "-o", "out0", "-j", "MASQUERADE"]
            for chain in ("FORWARD", "OUTPUT"):
                yield [family, "-w", verb, chain, "-m", "conntrack", "--ctstate", "INVALID", "-j", "DROP"]

    # The site's resolver

    def start_resolver(self, lines, host=None, address=RESOLVER):
        """unbound at `far` or on another host, with the given lines in its configuration's server clause; gives the
        process."""
        host = host or self.far
        path = os.path.join(self.directory, f"unbound-{host.name}-{address.replace(':', '-')}.conf")
        settings = ["server:", f"interface: {address}", "access-control: 0.0.0.0/0 allow", "access-control: ::/0 allow", "do-daemonize: no",
                    'username: ""', 'chroot: ""', 'pidfile: ""', "use-syslog: no", "num-threads: 1",
                    f'directory: "{self.directory}"', f'logfile: "{self.directory}/unbound.log"', *lines,
                    "remote-control:", "control-enable: no"]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(settings) + "\n")
        return host.spawn([servers.unbound(), "-d", "-c", path])


def _steer(host, processors):
    """Receive packet steering, to those of the mask; 0: where they come in."""
    host.run(["unshare", "--mount", "sh", "-ec", "mount -t sysfs sysfs /sys; "
              f"for one in /sys/class/net/*/queues/rx-0/rps_cpus; do echo {processors} >$one; done"])


def _flush(host, *interfaces):
    """Takes addresses and routes away. IPv4 routes go with the address, those of IPv6 stay by themselves."""
    for interface in interfaces:
        host.ip(f"addr flush dev {interface} scope global")
        host.network_command(["ip", "-6", "route", "flush", "dev", interface, "proto", "boot"])
