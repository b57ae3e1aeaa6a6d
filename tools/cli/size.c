// SPDX-License-Identifier: BSD-2-Clause
/* size.c: see size.h. */
#include "cli/size.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits up to @end. strtoull() would take signs, blanks and other bases. */
static int digits_parse(const char *text, const char **end, __u64 *value)
{
	if (!is_digit(*text))
		return -EINVAL;
	for (*value = 0; is_digit(*text); text++)
		if (__builtin_mul_overflow(*value, 10, value) ||
		    __builtin_add_overflow(*value, (__u64)(*text - '0'), value))
			return -ERANGE;
	*end = text;
	return 0;
}

/* A number, and a unit that is a power of @step. */
static int units_parse(const char *text, __u64 step, __u64 *value)
{
	static const char units[] = "KMGkmg";
	const char *end, *unit;
	int err = digits_parse(text, &end, value);
	long power;

	if (err || !*end)
		return err;
	unit = strchr(units, *end);
	if (!unit || end[1])
		return -EINVAL;
	for (power = (unit - units) % 3; power >= 0; power--)
		if (__builtin_mul_overflow(*value, step, value))
			return -ERANGE;
	return 0;
}

int size_parse(const char *text, __u64 *size)
{
	return units_parse(text, 1024, size);
}

int rate_parse(const char *text, __u64 *rate)
{
	return units_parse(text, 1000, rate);
}

int count_parse(const char *text, __u64 *count)
{
	const char *end;
	int err = digits_parse(text, &end, count);

	return err || !*end ? err : -EINVAL;
}

int seconds_parse(const char *text, __s64 *ns)
{
	const char *end = text;
	__s64 unit = NS_PER_S;
	__u64 seconds = 0;
	int err = 0;

	if (*text != '.')
		err = digits_parse(text, &end, &seconds);
	else if (!is_digit(text[1]))
		err = -EINVAL;
	if (err)
		return err;
	/* A third of a century on, the clock itself would overflow. */
	if (seconds > 1000000000)
		return -ERANGE;
	*ns = (__s64)seconds * NS_PER_S;
	if (*end == '.')
		for (end++; is_digit(*end); end++) {
			unit /= 10;
			*ns += unit * (*end - '0');
		}
	return *end ? -EINVAL : 0;
}

struct size_text size_exact(__u64 size)
{
	static const char units[] = " KMG";
	struct size_text out;
	int unit = 0;

	while (unit < 3 && size && size % 1024 == 0) {
		size /= 1024;
		unit++;
	}
	snprintf(out.text, sizeof(out.text), "%llu%.*s", (unsigned long long)size, unit ? 1 : 0,
		 units + unit);
	return out;
}

static struct size_text scaled(double value, double step, const char *const *units, int digits)
{
	struct size_text out;
	int unit = 0;

	/* A value that would be rounded up to the next unit belongs there. */
	while (units[unit + 1] && value >= step - 0.5) {
		value /= step;
		unit++;
	}
	snprintf(out.text, sizeof(out.text), "%.*f%s", unit ? digits : 0, value, units[unit]);
	return out;
}

struct size_text size_bytes(double bytes)
{
	static const char *const units[] = { " B", " KiB", " MiB", " GiB", " TiB", NULL };

	return scaled(bytes, 1024, units, 1);
}

struct size_text size_count(double count)
{
	static const char *const units[] = { "", " k", " M", " G", " T", NULL };

	return scaled(count, 1000, units, 2);
}
