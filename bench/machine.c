// SPDX-License-Identifier: BSD-2-Clause
/*
 * machine.c: what the figures depend on: CPU, caches, kernel, mitigations, and what else
 * runs. No question: it is run before them, and has the head of their table. No names of
 * machines: figures are published.
 */
#include "cpu.h"
#include "report.h"

#include <bpf/libbpf.h>
#include <ctype.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#define SYS_CPU "/sys/devices/system/cpu/"

/* Above so much of each CPU, others are at it: a fraction. */
#define LOAD_BEARABLE 0.5

#define ITEMS_MAX     32

/* Pairs such as L2 and 1024K. */
struct items {
	struct item {
		char name[48], value[256];
	} item[ITEMS_MAX];
	int n;
};

static struct machine {
	struct bench_cpu cpu;
	char folder[64]; /* a name for what was measured on this kind of CPU */
	int cpus;
	struct items caches, mitigations;
	struct utsname kernel;
	char libbpf[16];
	double load;
} m;

/* The first line of a file, without its end; empty if there is none. */
static void read_text(const char *folder, const char *name, char *text, size_t size)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	f = fopen(path, "re");
	if (!f || !fgets(text, (int)size, f))
		*text = '\0';
	text[strcspn(text, "\n")] = '\0';
	if (f)
		fclose(f);
}

static void read_caches(void)
{
	char level[8], type[16], *size;
	struct item *item;
	glob_t found;
	size_t i;

	if (glob(SYS_CPU "cpu0/cache/index*", 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc && m.caches.n < ITEMS_MAX; i++) {
		item = &m.caches.item[m.caches.n++];
		size = item->value;
		read_text(found.gl_pathv[i], "level", level, sizeof(level));
		read_text(found.gl_pathv[i], "type", type, sizeof(type));
		read_text(found.gl_pathv[i], "size", size, sizeof(item->value));
		snprintf(item->name, sizeof(item->name), "L%s%s", level,
			 *type == 'D'	? "d"
			 : *type == 'I' ? "i"
					: "");
	}
	globfree(&found);
}

static void read_mitigations(void)
{
	struct item *item;
	glob_t found;
	size_t i;

	if (glob(SYS_CPU "vulnerabilities/*", 0, NULL, &found))
		return;
	for (i = 0; i < found.gl_pathc && m.mitigations.n < ITEMS_MAX; i++) {
		item = &m.mitigations.item[m.mitigations.n];
		snprintf(item->name, sizeof(item->name), "%.47s",
			 strrchr(found.gl_pathv[i], '/') + 1);
		read_text(SYS_CPU "vulnerabilities", item->name, item->value, sizeof(item->value));
		if (*item->value && strcmp(item->value, "Not affected"))
			m.mitigations.n++;
	}
	globfree(&found);
}

/* zen-5-family-26-model-2; without a name that we know, its vendor's. */
static void name_folder(void)
{
	char *c;

	if (m.cpu.family)
		snprintf(m.folder, sizeof(m.folder), "%.30s-family-%u-model-%u",
			 m.cpu.core ? m.cpu.core : m.cpu.vendor, m.cpu.family, m.cpu.model);
	else
		snprintf(m.folder, sizeof(m.folder), "%.60s", m.kernel.machine);
	for (c = m.folder; *c; c++)
		*c = isalnum((unsigned char)*c) ? (char)tolower((unsigned char)*c) : '-';
}

static void read_machine(void)
{
	bench_cpu_read(&m.cpu);
	m.cpus = get_nprocs();
	read_caches();
	read_mitigations();
	uname(&m.kernel);
	snprintf(m.libbpf, sizeof(m.libbpf), "%u.%u", libbpf_major_version(),
		 libbpf_minor_version());
	if (getloadavg(&m.load, 1) != 1)
		m.load = 0;
	name_folder();
}

static bool is_loaded(void)
{
	return m.load > LOAD_BEARABLE * m.cpus;
}

static void print_text(void)
{
	int i;

	printf("CPU          %s: %s (%s family %u, model %u), %d CPUs%s\n", m.cpu.name,
	       m.cpu.core ? m.cpu.core : "of an unknown kind", m.cpu.vendor, m.cpu.family,
	       m.cpu.model, m.cpus, m.cpu.is_virtual ? " of a virtual machine" : "");
	for (i = 0; i < m.caches.n; i++)
		printf("%s%s %s", i ? ", " : "caches       ", m.caches.item[i].name,
		       m.caches.item[i].value);
	printf("%s%s %s, libbpf %s\n", m.caches.n ? "\nkernel       " : "kernel       ",
	       m.kernel.sysname, m.kernel.release, m.libbpf);
	for (i = 0; i < m.mitigations.n; i++)
		printf("%-11s  %s: %s\n", i ? "" : "mitigations", m.mitigations.item[i].name,
		       m.mitigations.item[i].value);
	printf("load         %.2f%s\n\n", m.load,
	       is_loaded() ? ": others use the CPUs, and the figures will suffer" : "");
	report_head();
}

static void json_text(FILE *out, const char *key, const char *value)
{
	fprintf(out, "\"%s\":", key);
	report_json_string(out, value);
	putc(',', out);
}

static void json_items(FILE *out, const char *key, const struct items *items)
{
	int i;

	fprintf(out, "\"%s\":{", key);
	for (i = 0; i < items->n; i++) {
		fprintf(out, "%s\"%s\":", i ? "," : "", items->item[i].name);
		report_json_string(out, items->item[i].value);
	}
	fputs("},", out);
}

static void print_json(FILE *out)
{
	fputs("{\"machine\":{", out);
	json_text(out, "cpu", m.cpu.name);
	json_text(out, "core", m.cpu.core ? m.cpu.core : "");
	json_text(out, "vendor", m.cpu.vendor);
	fprintf(out, "\"family\":%u,\"model\":%u,\"cpus\":%d,\"virtual\":%s,", m.cpu.family,
		m.cpu.model, m.cpus, m.cpu.is_virtual ? "true" : "false");
	json_text(out, "folder", m.folder);
	json_items(out, "caches", &m.caches);
	fprintf(out, "\"kernel\":\"%s %s\",\"libbpf\":\"%s\",", m.kernel.sysname, m.kernel.release,
		m.libbpf);
	json_items(out, "mitigations", &m.mitigations);
	fprintf(out, "\"load\":%.2f,\"loaded\":%s}}\n", m.load, is_loaded() ? "true" : "false");
}

int main(int argc, char **argv)
{
	if (argc == 3 && !strcmp(argv[1], "--json"))
		report_json(argv[2]);
	else if (argc > 1) {
		fputs("usage: machine [--json FILE]\n", stderr);
		return 2;
	}
	read_machine();
	if (report_text())
		print_text();
	if (report_json_file())
		print_json(report_json_file());
	return bench_end();
}
