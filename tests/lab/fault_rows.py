# SPDX-License-Identifier: GPL-2.0-or-later
"""The rows of docs/faults.md: what fails, where, what hopguard does then by on-failure, and which tests hold it to that."""

import collections

# fault, where: as the tests of the lab name what they measured. tests: "file: name" of others that have to pass, too.
Row = collections.namedtuple("Row", "fault where closed open tests")


def row(fault, where, closed, opened, *tests):
    return Row(fault, where, closed, opened, tests)


QUEUE_WAITS = "its queue waits, its successor goes on at once; what it had read comes again"
MIDDLE = "a connection in clear that nobody saw begin is refused (`undecided`), one in judged TLS goes on"
SUPERVISOR_GONE = "all end, rules stay, mail waits until the next start; " + MIDDLE
SUPERVISOR_OPEN = "all end, the kernel passes what nobody listens for; connections go on"
SCOUT = "what is known is judged, what is not waits for its successor"
VERIFIER = "keys wait for its successor"
LEDGER = "mail does not need it; events wait, bounded"
NOT_ASKED = "what passes until then passes unjudged, whatever `on-failure` says, for the kernel no longer asks"
LIFE = "test_processes_life: "

KILLED = [
    row("kill -9", "supervisor", SUPERVISOR_GONE, SUPERVISOR_OPEN,
        LIFE + "test_nobody_lives_on_when_the_supervisor_is_killed_and_the_next_start_cleans_up"),
    row("kill -9", "guards", f"{QUEUE_WAITS}; {MIDDLE}",
        f"{QUEUE_WAITS}; connections go on; who dies again and again, as here, gives it back, and its share passes",
        "test_faults_load: test_a_broken_handshake_is_remembered_over_the_death_of_its_guard",
        "test_faults_load: test_letters_that_were_kept_over_all_deaths_arrive_when_the_attack_ends",
        LIFE + "test_a_queue_survives_the_death_of_its_guard",
        LIFE + "test_where_mail_shall_pass_a_guard_that_keeps_dying_gives_its_queue_back"),
    row("kill -9", "scout", SCOUT, "the same", "test_memory: test_what_is_remembered_survives_the_death_of"),
    row("kill -9", "verifier", VERIFIER, "the same", LIFE + "test_a_killed_child_is_started_again_at_once_and_it_is_said_why"),
    row("kill -9", "ledger", LEDGER, "the same",
        "test_memory: test_sums_of_the_guards_are_those_of_before_when_the_ledger_was_killed"),
]

CRASHED = [
    row("crash", "supervisor", SUPERVISOR_GONE, SUPERVISOR_OPEN,
        LIFE + "test_with_removal_asked_for_no_end_of_the_supervisor_leaves_a_rule"),
    row("crash", "guards", f"{QUEUE_WAITS}; {MIDDLE}", f"{QUEUE_WAITS}; connections go on",
        LIFE + "test_a_child_that_keeps_dying_is_started_again_ever_later_until_it_was_healthy"),
    row("crash", "scout", SCOUT, "the same"),
    row("crash", "verifier", VERIFIER, "the same"),
    row("crash", "ledger", LEDGER, "the same"),
]

HUNG = [
    row("SIGSTOP", "supervisor", "mail does not need it; systemd's watchdog ends it", "the same",
        LIFE + "test_a_supervisor_that_was_stopped_itself_kills_nobody_when_it_goes_on",
        "test_watchdog: test_systemd_ends_a_supervisor_that_hangs_and_starts_another"),
    row("SIGSTOP", "guards", f"killed after 10 s; {QUEUE_WAITS}; {MIDDLE}",
        "the same; TCP is patient enough, and connections go on",
        LIFE + "test_a_child_that_hangs_is_noticed_and_replaced", LIFE + "test_even_a_hung_guard_goes_with_its_supervisor"),
    row("SIGSTOP", "scout", f"killed after 10 s; {SCOUT}", "the same"),
    row("SIGSTOP", "verifier", f"killed after 10 s; {VERIFIER}", "the same"),
    row("SIGSTOP", "ledger", f"killed after 10 s; {LEDGER}", "the same"),
]

STARVED = [
    row("no memory", "supervisor", "what lives goes on; a guard that is killed meanwhile has no successor until there is memory, "
        "and its share waits; then " + MIDDLE,
        "what lives goes on; of a guard that is killed meanwhile the share passes until there is memory",
        "slot_test: nobody_is_born_for_whom_there_is_no_memory"),
    row("no memory", "guards", "what has no place waits or is refused, or the guard dies", "what has no place waits, or the guard "
        "dies; connections go on"),
    row("no memory", "scout", SCOUT, "the same"),
    row("no memory", "verifier", VERIFIER, "the same"),
    row("no memory", "ledger", LEDGER, "the same"),
]

AROUND = [
    row("resolver down", "name servers", "what is known is judged; else 421, the sender keeps it, it arrives afterwards",
        "the same: that a promise cannot be had is no failure of ours (RFC 7672 section 2.1)",
        "test_dane_resolver: test_unreachable_roots_are_told_and_make_mail_wait",
        "test_dane_resolver: test_a_look_up_ends_when_its_time_is_over"),
    row("clock steps", "forward", "times are counted by the monotonic clock; names are looked up again", "the same",
        "mtasts_life_test: a_clock_far_ahead_leaves_a_day_at_most",
        "mtasts_keep_test: a_wall_clock_that_is_set_while_we_run_changes_nothing",
        "policy_lists_test: a_clock_that_steps_neither_kills_a_list_nor_revives_it"),
    row("clock steps", "back", "the same", "the same",
        "mtasts_life_test: a_clock_that_went_back_takes_and_gives_nothing",
        "mtasts_cache_test: a_jump_of_the_clock_brings_each_once",
        "policy_lists_test: a_clock_behind_the_list_does_not_lengthen_its_life",
        "seen_test: a_clock_that_is_set_back_makes_nothing_old_and_nothing_of_the_future",
        "sights_test: a_clock_that_was_set_back_makes_nothing_old",
        "store_test: a_clock_that_steps_ages_nothing_and_life_goes_on_after_a_restart"),
    row("disk full", "state directory, event file", "told; rows wait in memory, events go to syslog; mended by itself", "the same",
        "test_memory: test_a_state_directory_that_is_full_is_told_and_mended",
        "event_file_test: an_event_that_was_cut_spoils_no_other", "event_file_test: a_full_disk_is_told_and_counted"),
    row("disk read-only", "state directory, event file", "told; a reload is refused, a start goes on without; then " + MIDDLE,
        "the same; while it starts again, rules are out, and connections go on",
        "test_memory: test_mail_and_verdicts_go_on_without_a_database"),
    row("disk slow", "state directory, event file", "only the ledger waits for it", "the same",
        "test_memory: test_a_lock_is_told_when_it_lasts_and_waited_for"),
    row("disk slow", "event file is a pipe that nobody reads", "events are lost there, told and counted; nobody waits", "the same"),
    row("disk hangs", "state directory, event file", "the ledger is killed after 10 s and started again", "the same"),
    row("log hangs", "standard error is a pipe that nobody reads", "what has no room there is left out, and counted; nobody waits",
        "the same", "log_test: nobody_waits_for_who_has_stopped_reading"),
    row("NFQUEUE overrun", "queues", "the kernel drops what has no room, TCP sends it again", "the same: to pass it unread would "
        "tear the guard's view of a connection"),
    row("conntrack table full", "gateway", "the kernel drops new connections, senders try again", "the same"),
    row("interface flaps", "gateway", "TCP sends again what was queued for it", "the same"),
    row("interface flaps", "one is gone, and another has its name",
        "the same: rules name none, and a guard watches on whose client comes by another one", "the same"),
    row("rules flushed by somebody else", "until they are in again, `rules-flushed = restore`",
        f"told, and put back within seconds; {NOT_ASKED}; then {MIDDLE}", "the same, but that connections go on"),
    row("rules flushed by somebody else", "until they are in again, `rules-flushed = alert`",
        f"told, until somebody applies them; {NOT_ASKED}; then {MIDDLE}", "the same, but that connections go on"),
    row("rules flushed by somebody else", "once they are in again", "guards have begun anew, and all is judged",
        "the same; what was under way has gone on",
        "test_rules_flushed: test_what_somebody_else_removed_is_put_back_and_told",
        "test_rules_flushed: test_by_alert_it_is_told_until_they_are_in_again",
        "test_rules_flushed: test_one_who_removes_them_again_and_again_is_not_told_of_each_time"),
    row("reload with a bad file", "configuration", "refused in one line, the old one stays", "the same",
        "test_processes_control: test_a_bad_file_keeps_the_old_configuration_and_says_so_in_one_line",
        "test_processes_control: test_what_takes_a_new_start_refuses_the_reload_and_is_named"),
    row("upgrade in place", "program", "children are still born of the old one; rules stay over the restart, mail waits; " + MIDDLE,
        "rules are out for a moment; connections go on",
        LIFE + "test_systemd_is_told_when_it_is_ready_reloads_lives_and_stops"),
]

ROWS = [*KILLED, *CRASHED, *HUNG, *STARVED, *AROUND]
