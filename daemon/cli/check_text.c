/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "cli/check_text.h"

#include <string.h>

#include "cli/check_judge.h"
#include "cli/check_text_facts.h"

enum { COLUMNS = 79 };

void check_text_wrap(FILE *out, const char *first, const char *words)
{
	size_t indent = strlen(first);
	size_t column = indent;

	fputs(first, out);
	while (*words) {
		size_t len = strcspn(words, " ");

		if (column > indent && column + 1 + len > COLUMNS) {
			fprintf(out, "\n%*s", (int)indent, "");
			column = indent;
		}
		if (column > indent) {
			fputc(' ', out);
			column++;
		}
		fwrite(words, 1, len, out);
		column += len;
		words += len;
		words += strspn(words, " ");
	}
	fputc('\n', out);
}

static const char *colour_of(enum check_severity severity, struct check_style style)
{
	if (!style.is_coloured)
		return "";
	return severity == CHECK_BAD       ? "\033[1;31m"
	       : severity == CHECK_WARNING ? "\033[1;33m"
	                                   : "\033[1m";
}

static const char *plain(struct check_style style)
{
	return style.is_coloured ? "\033[0m" : "";
}

static bool is_alike(const struct check_finding *a, const struct check_finding *b)
{
	return a->kind == b->kind && a->severity == b->severity;
}

/* All places of the same finding. */
static void print_places(FILE *out, const struct check_findings *findings, size_t first)
{
	char line[CHECK_WHERE_MAX + CHECK_DETAIL_MAX + 4];

	for (size_t i = first; i < findings->count; i++) {
		const struct check_finding *finding = &findings->list[i];

		if (!is_alike(finding, &findings->list[first]))
			continue;
		snprintf(line, sizeof(line), "%s%s%s", finding->where,
		         finding->detail[0] ? ": " : "", finding->detail);
		check_text_wrap(out, i == first ? "    at    " : "          ", line);
	}
}

static void print_finding(FILE *out, const struct check_findings *findings, size_t index,
                          struct check_style style)
{
	const struct check_finding *finding = &findings->list[index];

	fprintf(out, "%s%s%s  %s\n", colour_of(finding->severity, style),
	        check_severity_name(finding->severity), plain(style),
	        check_kind_name(finding->kind));
	check_text_wrap(out, "    ", check_kind_what(finding->kind));
	print_places(out, findings, index);
	check_text_wrap(out, "    why   ", check_kind_why(finding->kind));
	check_text_wrap(out, "    mend  ", check_kind_mend(finding->kind));
}

/* Two lines or three: nothing is wrong. */
static void print_note(FILE *out, const struct check_finding *finding)
{
	char line[CHECK_WHERE_MAX + CHECK_DETAIL_MAX + 512];

	snprintf(line, sizeof(line), "%s: %s %s%s%s", check_kind_name(finding->kind),
	         check_kind_what(finding->kind), finding->where, finding->detail[0] ? ": " : "",
	         finding->detail);
	check_text_wrap(out, "note  ", line);
}

static bool is_first_of_its_kind(const struct check_findings *findings, size_t index)
{
	for (size_t i = 0; i < index; i++) {
		if (is_alike(&findings->list[i], &findings->list[index]))
			return false;
	}
	return true;
}

static void print_findings(FILE *out, const struct check_findings *findings,
                           struct check_style style)
{
	for (size_t i = 0; i < findings->count; i++) {
		const struct check_finding *finding = &findings->list[i];

		if (finding->severity == CHECK_NOTE && !style.is_verbose)
			print_note(out, finding);
		else if (is_first_of_its_kind(findings, i))
			print_finding(out, findings, i, style);
	}
}

static void print_head(FILE *out, const struct check_facts *facts,
                       const struct check_findings *findings, struct check_style style)
{
	enum check_severity worst = check_worst(findings);
	enum check_strength strength = check_strength_of_domain(facts);

	fprintf(out, "%s%s: %s%s", colour_of(worst, style), facts->destination.name,
	        worst == CHECK_NOTE ? "good" : check_severity_name(worst), plain(style));
	if (strength != STRENGTH_UNKNOWN)
		fprintf(out, ", %s", check_strength_words(strength));
	fputc('\n', out);
}

void check_text_print(FILE *out, const struct check_facts *facts,
                      const struct check_findings *findings, struct check_style style)
{
	print_head(out, facts, findings, style);
	check_text_facts(out, facts, style);
	print_findings(out, findings, style);
}
