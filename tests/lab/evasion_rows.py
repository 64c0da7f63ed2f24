# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of docs/evasions.md: what may be read differently, by whom, what hopguard does, and which tests hold it to that."""

import collections

# tricks: of tricks.py. tests: "file: name", unit tests and those of the lab. linux: beside what the tricks show.
Row = collections.namedtuple("Row", "case linux others act tricks tests")


def row(case, others, act, tricks=(), tests=(), linux=""):
    return Row(case, linux, others, act, tricks, tests)


COPIES = "differs by system and version: mostly the copy that came first, on some a later one that begins before it"
FIRST = "passes what was read first, in place of all else; `inconsistent-retransmission`"
DROPS = "dropped (RFC 9293 section 3.10.7.4)"

ORDER = [
    row("an honest dialogue, to compare", "the true one", "passes", ["Plain"]),
    row("single octets, in order and from the last to the first", "put in order",
        "what lies behind a gap waits, 32 packets at most",
        ["OctetByOctet", "AgainBackwards"],
        ["gate_test: cuts_and_disorder_change_no_verdict", "hold_test: a_flow_holds_no_more_than_its_bound"]),
    row("a false tail, before the whole is there", COPIES, FIRST, ["TailFirst"],
        ["gate_overlap_test: of_copies_out_of_order_the_client_gets_what_was_read"]),
    row("the tail twice, false and true, then the head", COPIES, FIRST, ["TailTwice"]),
    row("a false piece, true octets around it, then the head", COPIES, FIRST, ["TailAround"]),
    row("a true end, false octets over its beginning, then the head", COPIES, FIRST, ["TailBefore"]),
    row("false octets that begin in true ones that are there", "the new part is taken, the old is not",
        FIRST, ["OverWhatIsThere"],
        ["gate_overlap_test: of_two_copies_the_client_gets_the_one_that_was_read"]),
    row("a differing copy of what the client has acknowledged", DROPS, "passes it without octets; nothing is compared",
        ["AgainAndOther"], ["gate_overlap_test: an_octet_that_is_acknowledged_cannot_be_said_again",
                            "stream_test: acknowledged_octets_are_trimmed_and_not_compared"]),
    row("a keep-alive with an octet of garbage", "answered, the octet dropped", "passes it without the octet; no finding",
        ["Keepalive"],
        ["gate_overlap_test: the_garbage_of_a_keep_alive_is_neither_passed_nor_a_finding"]),
    row("octets beyond the window", DROPS, "not read; waits, and is dropped in the end", ["BeyondTheWindow"]),
    row("sequence numbers that pass 2³²", "counted on", "counts on", ["SequenceWrap"],
        ["gate_overlap_test: sequence_numbers_may_wrap_anywhere",
         "reject_stream_test: sequence_numbers_may_wrap_anywhere_in_the_reply"]),
    row("copies of a message's body that would end it elsewhere", COPIES,
        "what was let go is compared by its dots and line ends; what differs is dropped", (),
        ["stream_body_test: no_end_of_data_can_be_made_of_copies_of_a_body",
         "stream_body_test: an_end_of_data_cannot_be_completed_behind_its_acknowledged_part"],
        linux="the copy that came first"),
]

DECOYS = [
    row("a low TTL: the false one ends behind us", "do not get it", "passes what was read, in place of the true one",
        ["LowTtl"]),
    row("a wrong checksum", "dropped", "dropped, not read", ["BadChecksum"],
        ["packet_test: each_damaged_octet_is_a_bad_checksum_or_malformed"]),
    row("a timestamp gone back", "dropped where timestamps were agreed on (RFC 7323 section 5.3)",
        "passes what was read, in place of the true one", ["OldTimestamp"]),
    row("timestamps far ahead, in segments that do not arrive", "take nothing behind what they have",
        "our own segments have none beyond what the client has", ["FarTimestamp"],
        ["reject_stream_test: timestamps_never_run_below_what_the_client_has"]),
    row("no ACK", DROPS, "dropped, not read", ["NoAck"], ["gate_evasion_test: flags_that_no_receiver_takes_do_not_pass"]),
    row("an ACK of what was not sent", DROPS, "dropped, not read", ["AckOfTheUnsent"],
        ["gate_overlap_test: an_acknowledgement_of_what_the_client_never_said_does_not_pass",
         "stream_test: an_acknowledgement_of_what_may_not_have_passed_is_ignored"]),
    row("an ACK of long ago", "dropped beyond the largest window (RFC 5961 section 5)", "read; passes in place of all else",
        ["AckOfLongAgo"]),
    row("an MD5 signature that nobody agreed on (RFC 2385)", "taken where the option is not known",
        "read; passes in place of all else",
        ["SignedByNobody"]),
    row("a TCP option of length 0", "reading of options ends there, mostly", "dropped, not read", ["OptionOfNoLength"],
        ["packet_test: options_of_impossible_length_are_malformed"]),
    row("TCP options and header bits that nobody knows", "ignored", "passes as it is", ["UnknownOptions"]),
]

BEGINNING = [
    row("octets before the answer to the client's SYN", "dropped (RFC 9293 section 3.10.7.3)", "dropped, not read", (),
        ["gate_evasion_test: octets_before_the_answer_to_a_syn_are_nobodys",
         "gate_evasion_test: octets_before_the_client_took_the_answer_to_its_syn_are_nobodys"], linux="dropped"),
    row("two answers to a SYN with different numbers", "the first that arrives counts",
        "the client's acknowledgement says which one counts; no octet passes before", ["AnotherAnswerToTheSyn"],
        ["gate_evasion_test: of_several_answers_to_a_syn_the_client_says_which_counts",
         "gate_evasion_test: an_answer_to_a_syn_that_its_client_did_not_take_does_not_pass_later"]),
    row("a SYN of the far end's: simultaneous open, split handshake", "connect by it (RFC 9293 section 3.5); Windows may not",
        "dropped: no mail server opens", (),
        ["test_forged: test_no_recipient_of_a_promised_domain_leaves_in_clear",
         "gate_forged_test: a_syn_of_the_far_end_makes_no_client_of_it",
         "gate_forged_test: a_syn_of_the_far_end_behind_a_forged_reset_makes_no_client_of_it"], linux="connects by it"),
    row("octets in a SYN within the connection", "challenged (RFC 5961 section 4)", "dropped", ["WithinASyn"]),
    row("SYN with FIN or RST", "dropped, mostly", "dropped, not read", ["SynAndFin"],
        ["gate_evasion_test: flags_that_no_receiver_takes_do_not_pass",
         "gate_evasion_test: a_syn_that_is_an_end_as_well_begins_nothing"]),
    row("Fast Open: octets with the client's SYN, which has a cookie of the far end's", "with the option set",
        "the option becomes NOPs in SYN and answer, octets go; TCP sends them again", ["FastOpen"]),
    row("MPTCP, tcpcrypt, SMC", "MPTCP on some, where both ends ask for it", "the options become NOPs in SYN and answer", (),
        ["packet_test: options_that_carry_data_past_us_are_noticed", "craft_test: a_clean_syn_keeps_its_other_options"],
        linux="MPTCP where a program asks for it"),
    row("a port used again, the end of the old connection unseen by connection tracking",
        "begin another connection (RFC 9293 section 3.5.1)",
        "the client's SYN begins another one, for the guard and for the rules, which else would pass it unread", (),
        ["test_rules_packets: test_a_port_used_again_is_another_connection",
         "test_rules_packets: test_a_port_used_again_while_its_last_words_wait_is_another_connection",
         "gate_evasion_test: a_port_used_again_begins_another_connection",
         "gate_evasion_test: a_server_that_has_the_old_connection_yet_hears_that_it_is_over"],
        linux="begins another; connection tracking takes it for the old one, mark and all"),
    row("a port used again right after a refusal, in TIME_WAIT", "begin another connection",
        "a tombstone keeps the refused one silent until the client's next SYN", (),
        ["gate_evasion_test: a_port_used_again_right_after_a_refusal_is_judged_anew",
         "reject_test: a_new_connection_of_the_client_ends_the_tombstone",
         "reject_test: the_tombstone_stays_as_long_as_a_sender_repeats"], linux="begins another"),
    row("a connection that began before us", "go on",
        "judged from its next command; nothing that may be the rest of a line passes "
        "with `on-failure = closed`", (),
        ["gate_midstream_test: the_rest_of_a_recipient_is_judged_as_one",
         "gate_midstream_test: in_closed_nothing_that_may_be_anything_goes_on_behind_a_dead_guard",
         "gate_forged_test: a_forged_answer_to_a_syn_makes_no_new_connection_of_a_forgotten_one",
         "gate_forged_test: a_forged_acknowledgement_hides_no_recipient_of_a_forgotten_connection"], linux="goes on"),
    row("segments in the server's name before the client has said anything", "answered by RST (RFC 9293 section 3.10.7.1)",
        "keep nobody away: the client's SYN begins the connection", (),
        ["gate_forged_test: who_speaks_before_a_client_does_not_keep_it_away",
         "gate_forged_test: a_syn_of_the_far_end_hides_not_that_a_connection_began_before_us"], linux="answered by RST"),
    row("one direction takes another way", "do not notice",
        "without the server's answers nothing of the client's passes; without the client nothing can be judged; `degraded` tells "
        "which", (),
        ["gate_overlap_test: nobody_speaks_to_a_server_whose_answers_take_another_way",
         "gate_half_test: answers_that_take_another_way_are_told", "gate_half_test: clients_that_take_another_way_are_told",
         "gate_half_test: of_a_connection_that_comes_by_nothing_is_told"], linux="does not notice"),
    row("segments in the client's name, from the far side", "taken, if the numbers fit",
        "dropped where the client comes in by another interface", (),
        ["gate_forged_test: what_comes_from_the_far_side_is_not_the_clients",
         "gate_evasion_test: a_syn_in_the_clients_name_by_another_way_ends_nothing"], linux="taken, if the numbers fit"),
]

END = [
    row("a FIN that dies behind us, then a reply", "go on", "behind a FIN nothing passes", ["DecoyFin"],
        ["gate_evasion_test: behind_a_fin_there_is_nothing"]),
    row("a FIN before octets that were seen, or behind a gap", "the one before is dropped, the other waits", "the same",
        ["FinOutOfPlace"], ["gate_evasion_test: a_fin_passes_only_where_the_octets_end"]),
    row("a RST that dies behind us", "go on", "the connection is watched on, for as long as any silence may last",
        ["DecoyReset"],
        ["gate_evasion_test: a_reset_that_the_client_did_not_get_ends_nothing"]),
    row("a RST in the window, not at the next octet", "challenged (RFC 5961 section 3); old systems end",
        "passes as it is; watched on",
        ["ResetOutOfPlace"], ["gate_evasion_test: a_reset_beyond_what_was_said_is_not_made_to_fit"]),
    row("a RST out of the window", "dropped", "dropped", (), ["gate_evasion_test: a_reset_out_of_window_does_not_pass"],
        linux="dropped"),
    row("octets in a RST", "not delivered", "passes without them", ["WithinAReset"],
        ["gate_evasion_test: a_reset_carries_no_octets"]),
    row("a RST that answers no SYN of the client's", "dropped (RFC 9293 section 3.10.7.3)",
        "dropped; one that does ends nothing", (),
        ["gate_evasion_test: a_refusal_that_answers_no_syn_does_not_pass"], linux="dropped"),
]

URGENT = "the octet before the pointer is kept from the program, unless it asks for it in line (RFC 6093)"
FLOW = [
    row("an urgent pointer beside octets, of which one is to vanish", URGENT, "passes without URG: all octets are delivered",
        ["UrgentBesideOctets"], ["gate_evasion_test: no_urgent_pointer_passes_wherever_it_stands"]),
    row("an urgent pointer in a bare acknowledgement, ahead of the octet", URGENT, "passes without URG", ["UrgentAlone"],
        ["gate_evasion_test: an_urgent_pointer_of_a_connection_that_nobody_knows_does_not_pass"]),
    row("an urgent pointer on the answer to the SYN", URGENT, "passes without URG", ["UrgentOnSynAck"]),
    row("a window that is closed, then of one octet, then open", "wait", "passes; reads what comes", ["ClosedWindow"]),
    row("a window of one octet while a recipient is said", "say it octet by octet",
        "opens the window in the server's name, reads the line, and judges it whole", (),
        ["test_segments: test_no_recipient_of_a_promised_domain_leaves_in_clear",
        "test_segments: test_a_letter_to_others_arrives",
         "reject_stream_test: a_window_of_one_octet_gets_the_reply_octet_by_octet",
         "reject_stream_test: a_closed_window_is_tried_again_and_served_when_it_opens"], linux="says it octet by octet"),
    row("an MSS of 1", "not below a least of their own", "reads what comes", ["SegmentsOfOne"],
        ["gate_forged_test: a_recipient_that_comes_octet_by_octet_does_not_leave"]),
    row("congestion marks (ECN)", "no difference in what is delivered", "passes as it is", ["Congestion"]),
    row("ICMP: port and host unreachable, a path of 68 octets", "no end of what is established (RFC 5927)",
        "connection tracking's business; nothing hangs on them", ["Unreachable"]),
]

PACKETS = [
    row("fragments", "put together", "reads what the kernel put together before us; a fragment alone is dropped",
        ["Fragments"]),
    row("fragments that overlap", "IPv6: dropped (RFC 5722); IPv4: differs by system", "the gateway's kernel drops them all",
        ["OverlappingFragments"]),
    row("an atomic fragment (RFC 6946)", "taken for whole", "read", ["AtomicFragment"]),
    row("options for each hop and for the destination, a route that is used up", "taken", "read", ["ManyHeaders"],
        ["packet_ipv6_test: a_chain_of_extension_headers_is_bounded"]),
    row("a destination option that is unknown and says so", "dropped (RFC 8200 section 4.2)",
        "read; passes in place of all else, as a TTL may end", ["UnknownDestinationOption"]),
    row("an IPv6 route that is not at its end", "dropped (RFC 5095)", "dropped, not read", ["RouteToGo"]),
    row("options for each hop elsewhere than in front", "dropped (RFC 8200 section 4.1)", "dropped, not read",
        ["HopByHopBehind"]),
    row("an authentication header that nobody agreed on", "dropped", "read, where it gets here", ["Authenticated"]),
    row("an IPv4 source route", "dropped, as a rule", "dropped, not read", ["SourceRoute"],
        ["packet_test: ipv4_options_that_lead_elsewhere_or_lie_are_malformed"]),
    row("a frame of VLAN 0 by either kind of tag, once or twice, across a bridge", "taken like one without a tag, mostly",
        "the kernel does not show it to rules for IP: a rule for bridges drops it in `enforce`",
        ["PriorityTag", "TwoTags", "ServiceTag", "TaggedFragments"], ["rules_bridge_test: what_the_kernel_shows_is_not_dropped"]),
    row("lengths that contradict each other, jumbograms, padding", "dropped; padding is cut off",
        "dropped; padding is not read", (),
        ["packet_test: contradicting_headers_are_malformed", "packet_test: padding_behind_the_ip_length_is_no_payload",
         "packet_test: an_ip_length_cut_anywhere_is_never_taken_for_whole",
         "packet_ipv6_test: a_jumbo_payload_is_the_kernels_own_alone"], linux="dropped; padding is cut off"),
]

ROWS = [*ORDER, *DECOYS, *BEGINNING, *END, *FLOW, *PACKETS]
