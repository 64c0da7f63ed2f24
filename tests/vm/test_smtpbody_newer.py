# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernel module, built for a newer kernel, and under that: what leans on the kernel's own inside."""

import kernels
from smtpbody_site import family, site, world  # noqa: F401: the fixtures are used by their names
from test_smtpbody import (  # noqa: F401: tests of this file, too
    test_a_large_segment_passes_whole_from_wherever_its_octets_lie, test_a_packet_that_was_put_together_again_is_read_whole,
    test_an_armed_body_passes_up_to_its_end_and_nothing_after_it,
    test_no_mark_in_a_large_segment_is_missed_where_its_octets_are_parted, test_of_ip_only_plain_headers_pass)
from test_smtpbody_acks import (  # noqa: F401
    test_one_of_each_mib_is_queued_and_the_next_passes, test_they_are_those_of_one_connection_by_one_interface,
    test_they_are_those_of_the_zone_that_the_clients_packets_have, test_what_has_passed_may_be_acknowledged_and_no_more)
from test_smtpbody_flows import (  # noqa: F401
    test_a_flow_is_that_of_one_zone, test_a_network_that_ends_takes_its_flows_along,
    test_a_request_that_says_too_little_or_something_else_is_refused,
    test_the_module_stays_while_a_rule_needs_it_and_goes_under_traffic, test_what_a_socket_armed_is_forgotten_with_it,
    test_who_may_not_administer_the_network_may_ask_nothing)

pytestmark = kernels.kernel("6.12")
