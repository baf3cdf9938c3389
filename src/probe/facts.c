/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/host.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/file.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "base/units.h"

#define FILE_MAX (4u << 20) /* /proc/cpuinfo of a host with many CPUs */

void host_facts_add(struct host_facts *facts, const char *name, const char *format, ...)
{
    va_list ap;
    va_start(ap, format);
    char *value = mem_vprintf(format, ap);
    va_end(ap);
    MEM_GROW(facts->items, facts->count, facts->capacity);
    facts->items[facts->count++] = (struct host_fact){.name = mem_strdup(name), .value = value};
}

const char *host_facts_find(const struct host_facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->count; i++)
        if (!strcmp(facts->items[i].name, name))
            return facts->items[i].value;
    return NULL;
}

void host_facts_done(struct host_facts *facts)
{
    for (size_t i = 0; i < facts->count; i++) {
        free(facts->items[i].name);
        free(facts->items[i].value);
    }
    free(facts->items);
    *facts = (struct host_facts){0};
}

/* The file's text without trailing white space; NULL where it cannot be read. */
static char *read_text(const char *root, const char *path)
{
    CLEANUP_FREE char *full = mem_printf("%s%s", root, path);
    char *text = NULL;
    size_t length = 0;
    if (file_read(full, FILE_MAX, &text, &length, NULL) < 0)
        return NULL;
    while (length > 0 && isspace((unsigned char)text[length - 1]))
        text[--length] = '\0';
    return text;
}

static void add_file(struct host_facts *facts, const char *name, const char *root, const char *path)
{
    CLEANUP_FREE char *text = read_text(root, path);
    if (text && *text)
        host_facts_add(facts, name, "%s", text);
    else
        host_facts_add(facts, name, "not available (%s cannot be read)", path);
}

/* The value behind "key<blanks>:" in the first place where it stands; NULL when there is none. */
static char *find_field(const char *text, const char *key)
{
    size_t length = strlen(key);
    for (const char *line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (!strncmp(line, key, length)) {
            const char *value = line + length + strspn(line + length, " \t:");
            return mem_strndup(value, strcspn(value, "\n"));
        }
        if (!*line)
            break;
    }
    return NULL;
}

static size_t count_lines_with(const char *text, const char *key)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, key)); at++)
        count += at == text || at[-1] == '\n';
    return count;
}

static void add_field(struct host_facts *facts, const char *name, const char *text, const char *key)
{
    CLEANUP_FREE char *value = find_field(text, key);
    if (value)
        host_facts_add(facts, name, "%s", value);
    else
        host_facts_add(facts, name, "not available (no '%s' in /proc/cpuinfo)", key);
}

static void add_cpu(const char *root, struct host_facts *facts)
{
    CLEANUP_FREE char *text = read_text(root, "/proc/cpuinfo");
    if (!text) {
        host_facts_add(facts, "host.cpu.model", "not available (/proc/cpuinfo cannot be read)");
        return;
    }
    add_field(facts, "host.cpu.model", text, "model name");
    host_facts_add(facts, "host.cpu.count", "%zu", count_lines_with(text, "processor"));
    add_field(facts, "host.cpu.microcode", text, "microcode");
    CLEANUP_FREE char *flags = find_field(text, "flags");
    bool virtualized = flags && strstr(flags, " hypervisor");
    bool svm = flags && strstr(flags, " svm"), vmx = flags && strstr(flags, " vmx");
    host_facts_add(facts, "host.cpu.virtualization", "%s",
                   svm   ? "AMD-V"
                   : vmx ? "Intel VT-x"
                         : "none (no svm or vmx among the CPU flags)");
    host_facts_add(facts, "host.nested", "%s",
                   virtualized ? "yes: this host is itself a virtual machine" : "no");
}

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void add_mitigations(const char *root, struct host_facts *facts)
{
    static const char directory[] = "/sys/devices/system/cpu/vulnerabilities";
    CLEANUP_FREE char *full = mem_printf("%s%s", root, directory);
    struct dirent **names = NULL;
    int count = scandir(full, &names, is_visible, alphasort);
    CLEANUP_STRBUF struct strbuf list;
    strbuf_init(&list);
    for (int i = 0; i < count; i++) {
        CLEANUP_FREE char *path = mem_printf("%s/%s", directory, names[i]->d_name);
        CLEANUP_FREE char *state = read_text(root, path);
        if (state && strcmp(state, "Not affected") != 0)
            strbuf_addf(&list, "%s%s: %s", list.length ? "; " : "", names[i]->d_name, state);
        free(names[i]);
    }
    free(names);
    if (count < 0)
        host_facts_add(facts, "host.mitigations", "not available (%s cannot be read)", directory);
    else
        host_facts_add(facts, "host.mitigations", "%s", list.length ? list.text : "none needed");
}

static void add_turbo(const char *root, struct host_facts *facts)
{
    CLEANUP_FREE char *no_turbo = read_text(root, "/sys/devices/system/cpu/intel_pstate/no_turbo");
    CLEANUP_FREE char *boost = read_text(root, "/sys/devices/system/cpu/cpufreq/boost");
    if (no_turbo)
        host_facts_add(facts, "host.cpu.turbo", "%s", strcmp(no_turbo, "0") ? "off" : "on");
    else if (boost)
        host_facts_add(facts, "host.cpu.turbo", "%s", strcmp(boost, "0") ? "on" : "off");
    else
        host_facts_add(facts, "host.cpu.turbo", "not available (no cpufreq driver)");
}

/* "always [madvise] never" -> "madvise" */
static void add_choice(struct host_facts *facts, const char *name, const char *root,
                       const char *path)
{
    CLEANUP_FREE char *text = read_text(root, path);
    char *open = text ? strchr(text, '[') : NULL;
    char *close = open ? strchr(open, ']') : NULL;
    if (close)
        host_facts_add(facts, name, "%.*s", (int)(close - open - 1), open + 1);
    else
        host_facts_add(facts, name, "not available (%s cannot be read)", path);
}

static void add_kernel(const char *root, struct host_facts *facts)
{
    struct utsname names;
    CLEANUP_FREE char *version = read_text(root, "/proc/version");
    if (!*root && uname(&names) == 0)
        host_facts_add(facts, "host.kernel", "%s %s", names.release, names.version);
    else
        host_facts_add(facts, "host.kernel", "%s", version ? version : "not available");
    add_file(facts, "host.kernel.command-line", root, "/proc/cmdline");
}

/* bytes: 0: they are not told. */
static void add_memory(struct host_facts *facts, const char *name, uint64_t bytes, const char *key)
{
    char text[UNITS_TEXT_MAX];
    if (bytes)
        host_facts_add(facts, name, "%s", units_format_size(bytes, text));
    else
        host_facts_add(facts, name, "not available (no '%s' in /proc/meminfo)", key);
}

void host_read_facts(const char *root, struct host_facts *facts)
{
    add_cpu(root, facts);
    add_memory(facts, "host.memory", host_memory_bytes(root), "MemTotal");
    add_kernel(root, facts);
    add_mitigations(root, facts);
    add_file(facts, "host.cpu.governor", root,
             "/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor");
    add_turbo(root, facts);
    add_file(facts, "host.smt", root, "/sys/devices/system/cpu/smt/control");
    add_choice(facts, "host.thp", root, "/sys/kernel/mm/transparent_hugepage/enabled");
    add_file(facts, "host.ksm", root, "/sys/kernel/mm/ksm/run");
    add_file(facts, "host.numa-nodes", root, "/sys/devices/system/node/online");
    add_file(facts, "host.clock-source", root,
             "/sys/devices/system/clocksource/clocksource0/current_clocksource");
    CLEANUP_FREE char *product = read_text(root, "/sys/class/dmi/id/product_name");
    if (product && *product)
        host_facts_add(facts, "host.product", "%s", product);
}

void host_read_moment(const char *root, struct host_facts *facts)
{
    CLEANUP_FREE char *load = read_text(root, "/proc/loadavg");
    host_facts_add(facts, "host.load", "%.*s", load ? (int)strcspn(load, " ") : 13,
                   load ? load : "not available");
    CLEANUP_FREE char *pressure = read_text(root, "/proc/pressure/cpu");
    CLEANUP_FREE char *average = pressure ? find_field(pressure, "some avg10=") : NULL;
    if (average)
        host_facts_add(facts, "host.cpu-pressure", "%.*s%%", (int)strcspn(average, " "), average);
    add_memory(facts, "host.memory-available", host_available_bytes(root) & ~UINT64_C(0xfffff),
               "MemAvailable");
    CLEANUP_FREE char *info = read_text(root, "/proc/cpuinfo");
    CLEANUP_FREE char *clock_rate = info ? find_field(info, "cpu MHz") : NULL;
    if (clock_rate)
        host_facts_add(facts, "host.cpu.mhz", "%s", clock_rate);
}

static uint64_t read_meminfo(const char *root, const char *key)
{
    CLEANUP_FREE char *text = read_text(root, "/proc/meminfo");
    CLEANUP_FREE char *value = text ? find_field(text, key) : NULL;
    uint64_t kib = 0;
    if (!value || sscanf(value, "%" SCNu64, &kib) != 1)
        return 0;
    return kib << 10;
}

uint64_t host_memory_bytes(const char *root)
{
    return read_meminfo(root, "MemTotal");
}

uint64_t host_available_bytes(const char *root)
{
    return read_meminfo(root, "MemAvailable");
}

int host_parse_stat(const char *text, size_t length, struct host_cpu *out_cpu)
{
    /* user nice system idle iowait irq softirq steal; guest time is part of user (proc(5)). */
    uint64_t field[8];
    char line[512];
    snprintf(line, sizeof(line), "%.*s", (int)(length < 511 ? length : 511), text);
    if (sscanf(line,
               "cpu %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64
               " %" SCNu64 " %" SCNu64,
               &field[0], &field[1], &field[2], &field[3], &field[4], &field[5], &field[6],
               &field[7]) != 8)
        return -EBADMSG;
    *out_cpu = (struct host_cpu){.idle = field[3] + field[4], .steal = field[7]};
    for (size_t i = 0; i < COUNT_OF(field); i++)
        out_cpu->total += field[i];
    return 0;
}

int host_read_cpu(const char *root, struct host_cpu *out_cpu, struct error *err)
{
    CLEANUP_FREE char *text = read_text(root, "/proc/stat");
    if (!text || host_parse_stat(text, strlen(text), out_cpu) < 0)
        return error_set(err, ERROR_ENVIRONMENT, -EBADMSG, "read '%s/proc/stat': no CPU times",
                         root);
    return 0;
}
