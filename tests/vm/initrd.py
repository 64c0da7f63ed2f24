# SPDX-License-Identifier: GPL-2.0-or-later
"""A root file system for a machine that has nothing but memory: programs with their libraries, as one cpio archive."""

import os
import re
import stat
import subprocess

HEADER = "070701" + 13 * "{:08X}"  # the "new" format of cpio, see the kernel's buffer-format.rst


def resolve(path):
    """The path with links among its directories followed, not that of the file itself: /lib is a link to usr/lib."""
    return os.path.join(os.path.realpath(os.path.dirname(path)), os.path.basename(path))


class Tree:
    """What goes in, by path. Content is octets, or the name of a file whose content it is."""

    def __init__(self):
        self._entries = {}  # path: (mode, content, time)
        self._programs = []  # whose libraries are still to be found
        for name in ("bin", "sbin", "lib", "lib64"):
            if os.path.islink(f"/{name}"):
                self.link(f"/{name}", os.readlink(f"/{name}"))

    def _add(self, path, mode, content, seconds=0):
        parent = os.path.dirname(path)
        if parent != "/" and parent not in self._entries:
            self.directory(parent)
        self._entries[path] = (mode, content, seconds)

    def directory(self, path):
        if path not in self._entries:
            self._add(path, stat.S_IFDIR | 0o755, b"")

    def link(self, path, target):
        self._add(path, stat.S_IFLNK | 0o777, target.encode())

    def text(self, path, text, mode=0o644):
        self._add(path, stat.S_IFREG | mode, text.encode())

    def file(self, source, path=None):
        """A file of this machine, by default in the same place. Its time stays: Python compares it with its .pyc's."""
        status = os.stat(source)
        self._add(path or resolve(source), stat.S_IFREG | stat.S_IMODE(status.st_mode), source, int(status.st_mtime))

    def files(self, source, path=None, without=()):
        """A directory with all that is in it, but for directories of these names."""
        for folder, folders, names in os.walk(source):
            folders[:] = [name for name in folders if name not in without]
            for name in names:
                if os.path.isfile(os.path.join(folder, name)):
                    inside = os.path.relpath(os.path.join(folder, name), source)
                    self.file(os.path.join(folder, name), os.path.join(path or resolve(source), inside))

    def program(self, source, path=None):
        """A program, or a library that programs load by themselves, and what it is linked with.

        Where it goes by the name of a link, the link goes in, too.
        """
        if os.path.islink(source) and not path:
            target = os.readlink(source)
            self.link(resolve(source), target)
            self.program(os.path.join(os.path.dirname(source), target))
            return
        self.file(source, path)
        self._programs.append(source)

    def _add_libraries(self):
        # For all at once, which is quicker. What is no program, a script for one, has none: ldd says so and fails.
        said = subprocess.run(["ldd", *self._programs], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                              check=False).stdout
        if "=> not found" in said:
            raise FileNotFoundError(f"a library is missing:\n{said}")
        for library in set(re.findall(r"(?:=> |^\s*)(/\S+) \(0x", said, re.M)):
            self.file(library)

    def write(self, path):
        self._add_libraries()
        with open(path, "wb") as archive:
            for number, (name, (mode, content, seconds)) in enumerate(self._entries.items(), 1):
                if isinstance(content, str):
                    with open(content, "rb") as file:
                        content = file.read()
                _write_entry(archive, name.lstrip("/"), number, mode, content, seconds)
            _write_entry(archive, "TRAILER!!!", 0, 0, b"", 0)


def _write_entry(archive, name, number, mode, content, seconds):
    name = name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(mode) else 1
    header = HEADER.format(number, mode, 0, 0, links, seconds, len(content), 0, 0, 0, 0, len(name), 0).encode() + name
    archive.write(header + bytes(-len(header) % 4) + content + bytes(-len(content) % 4))
