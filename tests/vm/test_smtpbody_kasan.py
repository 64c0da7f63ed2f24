# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel module under a kernel that notices each wrong access to memory, where tests/vm/kasan.sh has built one."""

import kernels
from test_smtpbody import *  # noqa: F401,F403: every test of it is one of this file, too
from test_smtpbody_acks import *  # noqa: F401,F403
from test_smtpbody_flows import *  # noqa: F401,F403

pytestmark = kernels.kernel("kasan")
