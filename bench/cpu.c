// SPDX-License-Identifier: BSD-2-Clause
/* cpu.c: see cpu.h. */
#include "cpu.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Kinds of core by family and models, as the kernel tells AMD's apart. A hypervisor hides
 * the name ("AMD EPYC"), not these. */
static const struct {
	const char *vendor;
	unsigned int family, first, last;
	const char *core;
} cores[] = {
	{ "AuthenticAMD", 23, 0x00, 0x2f, "Zen" },
	{ "AuthenticAMD", 23, 0x30, 0x4f, "Zen 2" },
	{ "AuthenticAMD", 23, 0x50, 0x5f, "Zen" },
	{ "AuthenticAMD", 23, 0x60, 0xaf, "Zen 2" },
	{ "AuthenticAMD", 25, 0x00, 0x0f, "Zen 3" },
	{ "AuthenticAMD", 25, 0x10, 0x1f, "Zen 4" },
	{ "AuthenticAMD", 25, 0x20, 0x5f, "Zen 3" },
	{ "AuthenticAMD", 25, 0x60, 0xaf, "Zen 4" },
	{ "AuthenticAMD", 26, 0x00, 0x4f, "Zen 5" },
	{ "AuthenticAMD", 26, 0x60, 0x7f, "Zen 5" },
	{ "GenuineIntel", 6, 85, 85, "Skylake or Cascade Lake" },
	{ "GenuineIntel", 6, 106, 108, "Ice Lake" },
	{ "GenuineIntel", 6, 143, 143, "Sapphire Rapids" },
	{ "GenuineIntel", 6, 207, 207, "Emerald Rapids" },
	{ "GenuineIntel", 6, 173, 174, "Granite Rapids" },
};

/* What follows in a line "KEY<tabs>: ", or NULL. */
static const char *value_of(const char *line, const char *key)
{
	const size_t length = strlen(key);
	const char *colon = strchr(line, ':');

	if (strncmp(line, key, length) || line[length] != '\t' || !colon)
		return NULL;
	return colon + 1 + strspn(colon + 1, " \t");
}

static void read_line(struct bench_cpu *cpu, const char *line)
{
	const char *value;

	if ((value = value_of(line, "vendor_id")))
		snprintf(cpu->vendor, sizeof(cpu->vendor), "%s", value);
	else if ((value = value_of(line, "model name")))
		snprintf(cpu->name, sizeof(cpu->name), "%s", value);
	else if ((value = value_of(line, "cpu family")))
		cpu->family = (unsigned int)strtoul(value, NULL, 10);
	else if ((value = value_of(line, "model")))
		cpu->model = (unsigned int)strtoul(value, NULL, 10);
	else if ((value = value_of(line, "flags")))
		cpu->is_virtual = strstr(value, " hypervisor");
}

void bench_cpu_read(struct bench_cpu *cpu)
{
	FILE *f = fopen("/proc/cpuinfo", "re");
	char *line = NULL;
	size_t size = 0, i;
	ssize_t n;

	*cpu = (struct bench_cpu){ .core = NULL };
	while (f && (n = getline(&line, &size, f)) > 1) {
		line[n - 1] = '\0';
		read_line(cpu, line);
	}
	free(line);
	if (f)
		fclose(f);
	for (i = 0; i < sizeof(cores) / sizeof(cores[0]); i++)
		if (!strcmp(cpu->vendor, cores[i].vendor) && cpu->family == cores[i].family &&
		    cpu->model >= cores[i].first && cpu->model <= cores[i].last)
			cpu->core = cores[i].core;
}
