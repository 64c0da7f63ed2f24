/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "base/rfc3339.h"

#include <time.h>

#include "base/bytes.h"

enum { MINUTE_S = 60, HOUR_S = 3600 };

static bool is_digit(char letter)
{
	return letter >= '0' && letter <= '9';
}

/* Exactly so many digits, and a number within the range. */
static bool take_number(int *number, const char **at, unsigned digits, int min, int max)
{
	int value = 0;

	for (; digits > 0; digits--) {
		if (!is_digit(**at))
			return false;
		value = value * 10 + (*(*at)++ - '0');
	}
	*number = value;
	return value >= min && value <= max;
}

static bool take(const char **at, char wanted)
{
	if (ascii_lower((uint8_t) * *at) != ascii_lower((uint8_t)wanted))
		return false;
	(*at)++;
	return true;
}

static bool is_day(const struct tm *date)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
	int year = date->tm_year + 1900;
	bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return date->tm_mday <= days[date->tm_mon] + (is_leap && date->tm_mon == 1);
}

static bool take_date(struct tm *date, const char **at)
{
	if (!take_number(&date->tm_year, at, 4, 0, 9999) || !take(at, '-') ||
	    !take_number(&date->tm_mon, at, 2, 1, 12) || !take(at, '-') ||
	    !take_number(&date->tm_mday, at, 2, 1, 31))
		return false;
	date->tm_year -= 1900;
	date->tm_mon -= 1;
	return is_day(date);
}

static bool take_time(struct tm *date, const char **at)
{
	if (!take_number(&date->tm_hour, at, 2, 0, 23) || !take(at, ':') ||
	    !take_number(&date->tm_min, at, 2, 0, 59) || !take(at, ':') ||
	    !take_number(&date->tm_sec, at, 2, 0, 60))
		return false;
	if (date->tm_sec == 60)
		date->tm_sec = 59;
	if (**at != '.')
		return true;
	(*at)++;
	if (!is_digit(**at))
		return false;
	while (is_digit(**at))
		(*at)++;
	return true;
}

/* How far the local time is ahead of UTC. */
static bool take_offset(int *ahead_s, const char **at)
{
	int sign = **at == '-' ? -1 : 1;
	int hours, minutes;

	*ahead_s = 0;
	if (take(at, 'Z'))
		return true;
	if (**at != '+' && **at != '-')
		return false;
	(*at)++;
	if (!take_number(&hours, at, 2, 0, 23) || !take(at, ':') ||
	    !take_number(&minutes, at, 2, 0, 59))
		return false;
	*ahead_s = sign * (hours * HOUR_S + minutes * MINUTE_S);
	return true;
}

bool rfc3339_parse(uint64_t *time_s, const char *text)
{
	struct tm date = { 0 };
	int ahead_s;
	int64_t seconds;

	if (!take_date(&date, &text))
		return false;
	if (*text == ' ')
		text++;
	else if (!take(&text, 'T'))
		return false;
	if (!take_time(&date, &text) || !take_offset(&ahead_s, &text) || *text != '\0')
		return false;
	seconds = (int64_t)timegm(&date) - ahead_s;
	if (seconds < 0 || (uint64_t)seconds > RFC3339_TIME_MAX)
		return false;
	*time_s = (uint64_t)seconds;
	return true;
}

const char *rfc3339_format(char text[RFC3339_TEXT_MAX], uint64_t time_s)
{
	time_t seconds = (time_t)time_s;
	struct tm date;

	text[0] = '\0';
	if (time_s <= RFC3339_TIME_MAX && gmtime_r(&seconds, &date))
		(void)strftime(text, RFC3339_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &date);
	return text;
}
