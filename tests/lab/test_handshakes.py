# SPDX-License-Identifier: GPL-2.0-or-later
"""What the session reads of real handshakes is what both ends say of them: over two hundred, recorded between s_server
and s_client with other options each time, and read once more by scapy, by s_client's own words and by the certificate's
file."""

import concurrent.futures
import itertools
import re
import subprocess

import handshakes
import pytest
import servers
from scapy.layers.tls.handshake import TLSClientHello, TLSServerHello

LOW = ("-cipher", "ALL:COMPLEMENTOFALL:@SECLEVEL=0")
NAMES = ("mx.example.org", "MX.Example.Org", "a-b_c.example", "xn--mnchen-3ya.example", "x" * 63 + ".example", "localhost")
CLIENT_HELLO, SERVER_HELLO = 1, 2
SERVER_NAME, SUPPORTED_VERSIONS = 0, 43
VERSIONS = {"SSLv3": 0x300, "TLSv1": 0x301, "TLSv1.1": 0x302, "TLSv1.2": 0x303, "TLSv1.3": 0x304}
WANTED = 200


def suites():
    """The number of each suite by OpenSSL's name."""
    said = subprocess.run([servers.openssl(), "ciphers", "-V", "ALL:COMPLEMENTOFALL:eNULL:@SECLEVEL=0"], check=True,
                          stdout=subprocess.PIPE, text=True).stdout
    found = re.findall(r"0x(..),0x(..) - (\S+)", said)
    return {name: int(high + low, 16) for high, low, name in found}


def worlds(directory):
    """(certificate file or None, options of s_server, [options of s_client])."""
    rsa = handshakes.certificate(directory, "mx.example.org", "-newkey", "rsa:2048")
    ec = handshakes.certificate(directory, "ec.example.org", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
    many = handshakes.certificate(
        directory, "many.example.org", "-newkey", "rsa:4096", "-addext",
        "subjectAltName=" + ",".join(f"DNS:host{number}.a-rather-long-name.example.org" for number in range(250)))
    chain = directory / "chain.pem"
    chain.write_bytes(rsa[0].read_bytes() + many[0].read_bytes() + ec[0].read_bytes())
    named = [("-servername", name) for name in NAMES]
    olds = ("-tls1", "-tls1_1", "-tls1_2")
    sizes = [("-max_send_frag", str(size)) for size in (512, 700, 4096)]
    shapes = [("-noservername",), ("-no_ticket",), ("-status",), ("-alpn", "smtp,h2"), ("-no_etm",), ("-bugs",),
              ("-groups", "X448:P-384:P-256"), ("-groups", "P-256"), ("-nextprotoneg", "smtp"), ("-legacy_renegotiation",),
              ("-sigalgs", "RSA-PSS+SHA256:ECDSA+SHA256:RSA+SHA256"), ("-maxfraglen", "512"), ("-record_padding", "64"),
              ("-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"), ("-no_middlebox",), ("-enable_pha",),
              ("-use_srtp", "SRTP_AES128_CM_SHA1_80"), *sizes]

    def key(pair):
        return ("-cert", pair[0], "-key", pair[1])
    yield rsa[0], key(rsa), [*named, *shapes, *([*name, "-tls1_2"] for name in named), ("-tls1_2", "-noservername")]
    yield rsa[0], (*key(rsa), *LOW), [(*name, old, *LOW) for name, old in itertools.product(named, olds)]
    yield ec[0], key(ec), [*named, *shapes, *((*shape, "-tls1_2") for shape in (*named, *shapes))]
    yield rsa[0], (*key(rsa), "-cert_chain", chain), [(*name, version) for name in named for version in ("-tls1_2", "-tls1_3")]
    for size in sizes:
        yield many[0], (*key(many), *size), [(*shape, "-tls1_2") for shape in shapes]
    yield rsa[0], (*key(rsa), "-groups", "P-384"), [(*shape, "-groups", "X25519:P-384") for shape in (*named, *shapes)]
    yield rsa[0], (*key(rsa), "-no_tls1_3", "-Verify", "1"), [*named]
    yield rsa[0], key(rsa), [("-tls1_2", "-cipher", name) for name in (
        "ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-CHACHA20-POLY1305", "AES256-GCM-SHA384", "AES128-SHA256", "AES256-SHA")]
    yield None, ("-nocert", "-tls1_2", *LOW), [(*name, "-tls1_2", "-cipher", "aNULL:@SECLEVEL=0") for name in named]
    yield None, ("-nocert", "-psk", "0badc0de", "-tls1_2"), [("-psk", "0badc0de", "-tls1_2", *name) for name in named]


def record_world(world):
    certificate, server, clients = world
    with handshakes.Server(*server) as running:
        return [(certificate, client, handshakes.record(running, *client)) for client in clients]


def read(directory, recordings):
    """What the program makes of each: {"sni": …}."""
    paths = []
    for number, recording in enumerate(recordings):
        paths.append(directory / f"{number}.txt")
        paths[-1].write_text(handshakes.as_text(recording))
    done = subprocess.run([servers.test_tool("handshake_read"), *paths], check=True, stdout=subprocess.PIPE, text=True)
    return [dict(pair.split("=", 1) for pair in line.split(" ")) for line in done.stdout.splitlines()]


def extension(hello, kind):
    return next((one for one in hello.ext or () if one.type == kind), None)


def by_scapy(recording):
    """(sni, highest version offered, version chosen, cipher): scapy's reading of the same octets."""
    hello = TLSClientHello(last(recording, True, CLIENT_HELLO))
    answer = TLSServerHello(last(recording, False, SERVER_HELLO))
    name = extension(hello, SERVER_NAME)
    offered = extension(hello, SUPPORTED_VERSIONS)
    chosen = extension(answer, SUPPORTED_VERSIONS)
    return (name.servernames[0].servername.decode().lower() if name else "",
            max(offered.versions) if offered else hello.version,
            chosen.version if chosen else answer.version, answer.cipher)


def last(recording, is_client, wanted):
    clear = handshakes.messages(handshakes.direction(recording, is_client))
    body = [body for kind, body in clear if kind == wanted][-1]
    return bytes([wanted]) + len(body).to_bytes(3, "big") + body


@pytest.fixture(name="recorded", scope="module")
def make_recorded(tmp_path_factory):
    """[(certificate file, client's options, recording, what the program read)] of all that came to an end."""
    directory = tmp_path_factory.mktemp("handshakes")
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        found = [one for world in pool.map(record_world, list(worlds(directory))) for one in world]
    found = [one for one in found if handshakes.session_of(one[2])]
    return [(*one, pairs) for one, pairs in zip(found, read(directory, [one[2] for one in found]))]


def test_over_two_hundred_handshakes_came_to_their_end(recorded):
    assert len(recorded) >= WANTED
    shown = [pairs for *_, pairs in recorded]
    assert {pairs["version"] for pairs in shown} == {"0301", "0302", "0303", "0304"}
    assert any(pairs["sni"] == "" for pairs in shown)


def test_no_handshake_between_honest_ends_is_odd(recorded):
    for _, client, _, pairs in recorded:
        assert (pairs["violated"], pairs["cut_short"], pairs["downgraded"], pairs["ech"]) == ("no",) * 4, client


def test_version_and_cipher_are_what_the_client_says_it_got(recorded):
    numbers = suites()
    for _, client, recording, pairs in recorded:
        protocol, cipher = handshakes.session_of(recording)
        assert int(pairs["version"], 16) == VERSIONS[protocol], client
        assert int(pairs["cipher"], 16) == numbers[cipher], client


def test_every_field_is_what_scapy_reads(recorded):
    for _, client, recording, pairs in recorded:
        ours = pairs["sni"], *(int(pairs[key], 16) for key in ("offered", "version", "cipher"))
        assert ours == by_scapy(recording), client


def test_the_certificate_is_the_servers_where_it_is_in_clear(recorded):
    shown = hidden = 0
    for certificate, client, _, pairs in recorded:
        is_hidden = pairs["version"] == "0304"
        assert pairs["hidden"] == ("yes" if is_hidden else "no"), client
        if is_hidden or not certificate:
            assert pairs["der"] == "", client
            hidden += 1
        else:
            assert bytes.fromhex(pairs["der"]) == handshakes.der(certificate), client
            shown += 1
    assert shown > 50 and hidden > 50


def test_a_session_that_goes_on_shows_no_certificate(tmp_path):
    pair = handshakes.certificate(tmp_path, "mx.example.org", "-newkey", "rsa:2048")
    for ticket in ((), ("-no_ticket",)):
        with handshakes.Server("-cert", pair[0], "-key", pair[1], "-tls1_2") as server:
            first = handshakes.record(server, "-sess_out", tmp_path / "session", *ticket)
            second = handshakes.record(server, "-sess_in", tmp_path / "session", *ticket)
        assert "Reused, " in second.said
        pairs = read(tmp_path, [first, second])
        assert [one["hidden"] for one in pairs] == ["no", "yes"]
        assert [bool(one["der"]) for one in pairs] == [True, False]
