# SPDX-License-Identifier: GPL-2.0-or-later
"""A table of domains with one mistake each, and what `hopguard check` is to say of them."""

import re

import pytest

import namespaces
from check_lab import CheckLab


class Cases:
    def __init__(self):
        self.cases = []

    def add(self, name, kinds=(), notes=(), where="", build=None, is_there=True, arguments=None, **how):
        """kinds: what is found wrong, all of it; notes: among the notes. where: part of one such finding's place or detail, or a
        pattern for it.
        build: makes the domain's records, of the lab and its name; how: as CheckLab.domain() has it. Not is_there: no such domain.
        arguments: more of them for `check`, of the lab."""
        self.cases.append(dict(name=name, kinds=set(kinds), notes=set(notes), where=where, build=build, is_there=is_there,
                               arguments=arguments, how=how))

    def names(self):
        return [one["name"] for one in self.cases]

    def kinds(self):
        """All that some case shows."""
        return set().union(*(one["kinds"] | one["notes"] for one in self.cases))

    def answers(self, lab):
        """What `check --json` says of each domain, by its name."""
        return lab.check_all([f"{one['name']}.example" for one in self.cases],
                             {f"{one['name']}.example": one["arguments"](lab) for one in self.cases if one["arguments"]})

    def build(self, lab):
        for one in self.cases:
            if not one["is_there"]:
                continue
            domain = f"{one['name']}.example"
            how = dict(one["how"])
            if how.get("policy_certificate") == "expired":
                how["policy_certificate"] = lab.expired(f"mta-sts.{domain}")
            elif how.get("policy_certificate") == "own":
                how["policy_certificate"] = lab.certificate(f"mta-sts.{domain}")
            elif how.get("policy_certificate") == "other":
                how["policy_certificate"] = lab.certificate(f"www.{domain}")
            records = one["build"](lab, domain) if one["build"] else None
            lab.domain(one["name"], records, **how)

    def judge(self, name, answers):
        """Fails where it says anything else."""
        one = next(one for one in self.cases if one["name"] == name)
        answer = answers[f"{name}.example"]
        found = {finding["kind"] for finding in answer["findings"] if finding["severity"] != "note"}
        notes = {finding["kind"] for finding in answer["findings"] if finding["severity"] == "note"}
        assert found == one["kinds"], answer
        assert one["notes"] <= notes, answer
        assert answer["exit"] == (1 if found else 0)
        named = one["kinds"] or one["notes"]
        texts = [f"{finding['where']}: {finding.get('detail', '')}" for finding in answer["findings"] if finding["kind"] in named]
        where = one["where"] if isinstance(one["where"], re.Pattern) else re.compile(re.escape(one["where"]))
        assert not one["where"] or any(map(where.search, texts)), texts


def played(cases, more=(), before=None, after=None):
    """The fixtures `lab` and `answers` of a file, and the test of its table. more: other servers than Postfix; before, after: what
    else is done with the lab ahead of its start, and behind it."""

    @pytest.fixture(scope="module")
    def lab():
        one = CheckLab(namespaces.make_directory(), more)
        try:
            cases.build(one)
            if before:
                before(one)
            one.start()
            if after:
                after(one)
            yield one
        finally:
            one.stop()

    @pytest.fixture(scope="module")
    def answers(lab):
        return cases.answers(lab)

    @pytest.mark.parametrize("name", cases.names())
    def test_of_table(answers, name):
        cases.judge(name, answers)

    return lab, answers, test_of_table
