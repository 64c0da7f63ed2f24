# SPDX-License-Identifier: GPL-2.0-or-later
"""A certificate authority of the lab, made with openssl, and certificates with every fault."""

import os
import subprocess

import servers

CONFIGURATION = """
[ca]
default_ca = lab
[lab]
dir = .
new_certs_dir = .
database = {name}.index
serial = {name}.serial
default_md = sha256
policy = any
unique_subject = no
[any]
commonName = supplied
[req]
distinguished_name = dn
[dn]
[authority]
basicConstraints = critical, CA:TRUE
"""
VALID = ("20200101000000Z", "20370101000000Z")
EXPIRED = ("20200101000000Z", "20210101000000Z")
FUTURE = ("20360101000000Z", "20370101000000Z")


class Authority:
    def __init__(self, directory, name="lab", key=None, above=None, valid=None):
        """key: of all certificates, since what is tested is who signed what; made here when none is given. above: the authority
        that signs this one; else it is a root. valid: its dates, if it has one above."""
        self.directory = os.path.join(directory, f"authority-{name}")
        os.makedirs(self.directory)
        self.name = name
        self.count = 0
        self._write("configuration", CONFIGURATION.format(name=name))
        self._write(f"{name}.index", "")
        self._write(f"{name}.serial", "01\n")
        self.key = key or self._path("host.key")
        for path in ("ca.key", self.key) if not key else ("ca.key",):
            self._openssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", path)
        self.certificate = self._path("ca.pem")
        if above:
            above.sign(self, self.certificate, valid or VALID)
            return
        self._openssl("req", "-new", "-x509", "-config", "configuration", "-extensions", "authority", "-key", "ca.key",
                      "-subj", f"/CN=Authority {name}", "-days", "3650", "-out", "ca.pem")

    def below(self, name, valid=None):
        """Another authority, signed by this one; of the same key for hosts."""
        return Authority(os.path.dirname(self.directory), name, self.key, self, valid)

    def sign(self, other, path, valid=VALID):
        """A certificate for another authority."""
        self._openssl("req", "-new", "-config", "configuration", "-key", other._path("ca.key"), "-out", path + ".csr",
                      "-subj", f"/CN=Authority {other.name}")
        self._openssl("ca", "-batch", "-notext", "-config", "configuration", "-extensions", "authority", "-cert", "ca.pem",
                      "-keyfile", "ca.key", "-startdate", valid[0], "-enddate", valid[1], "-in", path + ".csr", "-out", path)

    def signed_by(self, other, valid=VALID):
        """The path of another certificate of this authority."""
        path = self._path(f"by-{other.name}.pem")
        other.sign(self, path, valid)
        return path

    def _path(self, name):
        return os.path.join(self.directory, name)

    def _write(self, name, text):
        with open(self._path(name), "w", encoding="utf-8") as file:
            file.write(text)

    def _openssl(self, *arguments):
        done = subprocess.run([servers.openssl(), *arguments], cwd=self.directory, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, text=True, check=False)
        assert done.returncode == 0, done.stdout

    def issue(self, *names, common_name="lab", valid=VALID, self_signed=False, key=None):
        """The path of a certificate for these DNS names; without names it has only the common name. key: another than that of
        all."""
        key = key or self.key
        self.count += 1
        stem = f"host{self.count}"
        self._write(stem + ".ext", "subjectAltName = " + ", ".join("DNS:" + name for name in names) + "\n" if names
                    else "extendedKeyUsage = serverAuth\n")
        self._openssl("req", "-new", "-config", "configuration", "-key", key, "-subj", f"/CN={common_name}",
                      "-out", stem + ".csr")
        signer = ["-selfsign", "-keyfile", key] if self_signed else ["-cert", "ca.pem", "-keyfile", "ca.key"]
        self._openssl("ca", "-batch", "-notext", "-config", "configuration", *signer, "-startdate", valid[0],
                      "-enddate", valid[1], "-in", stem + ".csr", "-extfile", stem + ".ext", "-out", stem + ".pem")
        return self._path(stem + ".pem")
