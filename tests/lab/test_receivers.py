# SPDX-License-Identifier: GPL-2.0-or-later
"""Real mail servers at both ends: each sender meets each receiver, over TLS on an honest path, and in clear, with no
guard, where STARTTLS is stripped."""

import time

import attacks
import cells
import lab as the_lab
import pytest
import receivers
import senders

SENDERS = [name for name in senders.ALL if name != "plain"]


@pytest.fixture(scope="module")
def full_lab():
    with the_lab.Lab(with_receivers=tuple(receivers.ALL)) as one:
        yield one


def received(lab, receiver, secret, timeout_s=5):
    end = time.monotonic() + timeout_s
    while True:
        found = [text for text in lab.receivers[receiver].letters() if secret in text]
        if found or time.monotonic() > end:
            return found
        time.sleep(0.05)


def pytest_generate_tests(metafunc):
    """Each pair over both families, or over one by turns."""
    every = [(sender, receiver, family) for sender in SENDERS for receiver in receivers.ALL for family in cells.FAMILIES]
    chosen = every if metafunc.config.getoption("--full") else [
        one for number, one in enumerate(every) if number // 2 % 2 == number % 2]
    metafunc.parametrize("sender, receiver, family", chosen)


def test_real_servers_speak_tls_until_somebody_strips_it(full_lab, sender, receiver, family):
    honest = full_lab.play(None, sender, family, kind=receiver)
    assert honest.attempt.result == "sent" and not honest.clear, honest
    assert received(full_lab, receiver, honest.secret)
    stripped = full_lab.play(attacks.ATTACKS["strip"], sender, family, kind=receiver)
    assert stripped.attempt.result == "sent" and stripped.secret.encode() in stripped.clear
    assert received(full_lab, receiver, stripped.secret)
