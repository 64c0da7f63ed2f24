# SPDX-License-Identifier: GPL-2.0-or-later
"""OpenPGP keys of a test's own, and what they sign."""

import os
import subprocess

LONG_AGO = "20200101T000000"


class Signers:
    """GnuPG with a home in that folder. Key holders are addresses."""

    def __init__(self, directory):
        self.home = os.path.join(directory, "gnupg")
        os.mkdir(self.home, 0o700)

    def _run(self, *words, at=None):
        clock = ["--faked-system-time", at] if at else []
        return subprocess.run(["gpg", "--homedir", self.home, "--batch", "--yes", "--quiet", "--pinentry-mode", "loopback",
                               "--passphrase", "", *clock, *words],
                              check=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def add(self, holder, expires="never", at=None):
        self._run("--quick-gen-key", holder, "ed25519", "sign", expires, at=at)
        return self.fingerprint(holder)

    def fingerprint(self, holder):
        listing = self._run("--with-colons", "--list-keys", holder).stdout.decode()
        return next(line.split(":")[9] for line in listing.splitlines() if line.startswith("fpr:"))

    def export(self, holder, path, armored=False):
        with open(path, "wb") as file:
            file.write(self._run(*(["--armor"] if armored else []), "--export", holder).stdout)
        os.chmod(path, 0o644)
        return path

    def sign(self, holder, path, signature, armored=True, at=None):
        self._run(*(["--armor"] if armored else []), "--local-user", holder, "--output", signature,
                  "--detach-sign", path, at=at)
        os.chmod(signature, 0o644)

    def close(self):
        subprocess.run(["gpgconf", "--homedir", self.home, "--kill", "all"], check=False, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
