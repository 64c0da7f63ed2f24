# SPDX-License-Identifier: GPL-2.0-or-later
"""What goes on beside a test."""

import threading


class Meanwhile:
    """A thread that does what its kind does, in _run(), until _is_over is set: for as long as the `with` lasts."""

    def __init__(self):
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._is_over.set()
        self._thread.join()

    def _run(self):
        raise NotImplementedError
