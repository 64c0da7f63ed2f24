# SPDX-License-Identifier: GPL-2.0-or-later
"""Which kernel the tests of a file want."""

import os

import pytest

SERVERS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/test-servers")
IS_INSIDE = os.environ.get("HOPGUARD_VM") == "inside"


def kernel(name):
    """The mark for those of a file; all of them are skipped where that kernel is not there."""
    if not IS_INSIDE and not os.path.exists(f"{SERVERS}/kernel-{name}"):
        pytest.skip(f"there is no kernel {name} in build/test-servers", allow_module_level=True)
    return pytest.mark.kernel(name)
