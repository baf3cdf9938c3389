/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/xen_tools.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/process.h"
#include "machine/procfs.h"

#define XL_NS (300 * NS_PER_S) /* an emulated server under load took 50 s to make a guest */
#define TEXT_MAX ((size_t)64 << 10)
#define WITH_VCPUS 1 /* XENSTAT_VCPU */

typedef struct xenstat_handle xenstat_handle;
typedef struct xenstat_node xenstat_node;
typedef struct xenstat_domain xenstat_domain;
typedef struct xenstat_vcpu xenstat_vcpu;
struct xs_handle;

/* What we use of libxenstat and of libxenstore, which it brings along; as in their headers. */
struct xen_tools {
    void *library;
    xenstat_handle *statistics;
    struct xs_handle *store;
    xenstat_handle *(*xenstat_init)(void);
    void (*xenstat_uninit)(xenstat_handle *handle);
    xenstat_node *(*xenstat_get_node)(xenstat_handle *handle, unsigned flags);
    void (*xenstat_free_node)(xenstat_node *node);
    unsigned (*xenstat_node_num_domains)(xenstat_node *node);
    xenstat_domain *(*xenstat_node_domain)(xenstat_node *node, unsigned id);
    xenstat_domain *(*xenstat_node_domain_by_index)(xenstat_node *node, unsigned index);
    char *(*xenstat_domain_name)(xenstat_domain *domain);
    unsigned (*xenstat_domain_id)(xenstat_domain *domain);
    unsigned long long (*xenstat_domain_cpu_ns)(xenstat_domain *domain);
    unsigned (*xenstat_domain_shutdown)(xenstat_domain *domain);
    unsigned (*xenstat_domain_crashed)(xenstat_domain *domain);
    unsigned (*xenstat_domain_num_vcpus)(xenstat_domain *domain);
    xenstat_vcpu *(*xenstat_domain_vcpu)(xenstat_domain *domain, unsigned number);
    unsigned long long (*xenstat_vcpu_ns)(xenstat_vcpu *vcpu);
    struct xs_handle *(*xs_open)(unsigned long flags);
    void (*xs_close)(struct xs_handle *handle);
    void *(*xs_read)(struct xs_handle *handle, uint32_t transaction, const char *path,
                     unsigned *length);
};

#define SYMBOL(name)                                                                               \
    {                                                                                              \
#name, offsetof(struct xen_tools, name)                                                    \
    }
static const struct symbol {
    const char *name;
    size_t offset;
} symbols[] = {
    SYMBOL(xenstat_init),
    SYMBOL(xenstat_uninit),
    SYMBOL(xenstat_get_node),
    SYMBOL(xenstat_free_node),
    SYMBOL(xenstat_node_num_domains),
    SYMBOL(xenstat_node_domain),
    SYMBOL(xenstat_node_domain_by_index),
    SYMBOL(xenstat_domain_name),
    SYMBOL(xenstat_domain_id),
    SYMBOL(xenstat_domain_cpu_ns),
    SYMBOL(xenstat_domain_shutdown),
    SYMBOL(xenstat_domain_crashed),
    SYMBOL(xenstat_domain_num_vcpus),
    SYMBOL(xenstat_domain_vcpu),
    SYMBOL(xenstat_vcpu_ns),
    SYMBOL(xs_open),
    SYMBOL(xs_close),
    SYMBOL(xs_read),
};

DEFINE_CLEANUP(struct xen_tools *, xen_tools_close);

/* A file of one line below a root (NULL: the real one); NULL when it is not there. */
static char *read_line(const char *root, const char *file)
{
    CLEANUP_FREE char *path = mem_printf("%s%s", root ? root : "", file);
    char *text = NULL;
    if (file_read(path, TEXT_MAX, &text, NULL, NULL) < 0)
        return NULL;
    text[strcspn(text, "\n")] = '\0';
    return text;
}

/* Is there one to boot? As Debian, Fedora and SUSE name it: xen-4.17-amd64.gz, xen.gz, xen.efi. */
static bool is_installed(const char *root)
{
    CLEANUP_FREE char *path = mem_printf("%s/boot", root ? root : "");
    CLEANUP_DIRECTORY DIR *dir = opendir(path);
    for (const struct dirent *entry; dir && (entry = readdir(dir));)
        if (strncmp(entry->d_name, "xen-", 4) == 0 || strncmp(entry->d_name, "xen.", 4) == 0)
            return true;
    return false;
}

static int check_control(const char *root, struct error *err)
{
    CLEANUP_FREE char *type = read_line(root, XEN_SYSFS "/type");
    CLEANUP_FREE char *capabilities = read_line(root, "/proc/xen/capabilities");
    bool runs = type && strcmp(type, "xen") == 0;
    if (!runs && is_installed(root))
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "Xen is installed, but this Linux was not booted on it: choose it in the "
                         "boot menu, or measure it by `vtax lab run xen`");
    if (!runs)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "Xen is not installed: install the package xen-system-amd64 and boot it, "
                         "or measure it by `vtax lab run xen`");
    if (!capabilities)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "Xen is here, but its tools have not been started: mount -t xenfs xenfs "
                         "/proc/xen; service xen start");
    if (!strstr(capabilities, "control_d"))
        return error_set(err, ERROR_ENVIRONMENT, -EPERM,
                         "this Linux is a guest of Xen, not its control domain: run vtax there, or "
                         "measure Xen by `vtax lab run xen`");
    return 0;
}

int xen_tools_probe(const char *root, struct error *err)
{
    static const char *const programs[][2] = {{"xl", "xen-utils"}, {"qemu-img", "qemu-utils"}};
    int rc = check_control(root, err);
    for (size_t i = 0; rc >= 0 && i < COUNT_OF(programs); i++)
        if (!process_find_program(programs[i][0]))
            rc = error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                           "no program '%s': install the package %s", programs[i][0],
                           programs[i][1]);
    if (rc >= 0 && geteuid() != 0)
        rc = error_set(err, ERROR_ENVIRONMENT, -EPERM, "only root may make guests of Xen");
    return rc;
}

char *xen_tools_read_version(const char *root)
{
    CLEANUP_FREE char *major = read_line(root, XEN_SYSFS "/version/major");
    CLEANUP_FREE char *minor = read_line(root, XEN_SYSFS "/version/minor");
    CLEANUP_FREE char *extra = read_line(root, XEN_SYSFS "/version/extra");
    if (!major || !minor)
        return NULL;
    return mem_printf("%s.%s%s", major, minor, extra ? extra : "");
}

/* "xen-3.0-x86_64" stands for paravirtualized guests, "hvm-3.0-x86_64" for those that need the
 * processor's virtualization: PVH and HVM. */
int xen_tools_probe_type(const char *root, const char *type, struct error *err)
{
    bool is_pv = strcmp(type, "pv") == 0;
    CLEANUP_FREE char *capabilities = read_line(root, XEN_SYSFS "/properties/capabilities");
    if (!capabilities || strstr(capabilities, is_pv ? "xen-3.0-x86_64" : "hvm-3.0-x86_64"))
        return 0;
    return error_set(err, ERROR_ENVIRONMENT, -ENOTSUP, "%s",
                     is_pv ? "this Xen was built without paravirtualized guests"
                           : "the processor's virtualization is off or absent: see the firmware's "
                             "setup (SVM, VT-x)");
}

/* Its binary interface is that of one version of Xen. */
static int open_library(struct xen_tools *tools, struct error *err)
{
    CLEANUP_FREE char *major = read_line(NULL, XEN_SYSFS "/version/major");
    CLEANUP_FREE char *minor = read_line(NULL, XEN_SYSFS "/version/minor");
    if (!major || !minor)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "read Xen's version in '%s/version'",
                         XEN_SYSFS);
    CLEANUP_FREE char *name = mem_printf("libxenstat.so.%s.%s", major, minor);
    tools->library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!tools->library)
        return error_set(err, ERROR_ENVIRONMENT, -ENOENT,
                         "open '%s': %s (package libxenmisc%s.%s or xen-utils-%s.%s)", name,
                         dlerror(), major, minor, major, minor);
    for (size_t i = 0; i < COUNT_OF(symbols); i++) {
        void *found = dlsym(tools->library, symbols[i].name);
        if (!found)
            return error_set(err, ERROR_ENVIRONMENT, -ENOENT, "'%s' has no '%s'", name,
                             symbols[i].name);
        memcpy((char *)tools + symbols[i].offset, &found, sizeof(found));
    }
    return 0;
}

int xen_tools_open(struct xen_tools **out_tools, struct error *err)
{
    CLEANUP(xen_tools_close_cleanup) struct xen_tools *tools = mem_zalloc(sizeof(*tools));
    int rc = open_library(tools, err);
    if (rc < 0)
        return rc;
    tools->statistics = tools->xenstat_init();
    tools->store = tools->xs_open(0);
    if (!tools->statistics || !tools->store)
        return error_set_errno(err, ERROR_ENVIRONMENT, errno ? -errno : -EIO,
                               "connect to Xen and its store (does xenstored run?)");
    *out_tools = TAKE_PTR(tools);
    return 0;
}

struct xen_tools *xen_tools_close(struct xen_tools *tools)
{
    if (!tools)
        return NULL;
    if (tools->statistics)
        tools->xenstat_uninit(tools->statistics);
    if (tools->store)
        tools->xs_close(tools->store);
    if (tools->library)
        dlclose(tools->library);
    free(tools);
    return NULL;
}

static struct xen_domain describe(const struct xen_tools *tools, xenstat_domain *domain)
{
    return (struct xen_domain){
        .id = tools->xenstat_domain_id(domain),
        .cpu_ns = tools->xenstat_domain_cpu_ns(domain),
        .is_shut_down = tools->xenstat_domain_shutdown(domain) != 0,
        .has_crashed = tools->xenstat_domain_crashed(domain) != 0,
    };
}

static int look(struct xen_tools *tools, unsigned what, xenstat_node **out_node, struct error *err)
{
    *out_node = tools->xenstat_get_node(tools->statistics, what);
    return *out_node ? 0 : error_set(err, ERROR_FAILED, -EIO, "ask Xen for its guests");
}

int xen_tools_find(struct xen_tools *tools, const char *name, struct xen_domain *out_domain,
                   struct error *err)
{
    xenstat_node *node;
    int rc = look(tools, 0, &node, err);
    if (rc < 0)
        return rc;
    bool found = false;
    unsigned count = tools->xenstat_node_num_domains(node);
    for (unsigned i = 0; i < count && !found; i++) {
        xenstat_domain *domain = tools->xenstat_node_domain_by_index(node, i);
        const char *text = domain ? tools->xenstat_domain_name(domain) : NULL;
        found = text && strcmp(text, name) == 0;
        if (found)
            *out_domain = describe(tools, domain);
    }
    tools->xenstat_free_node(node);
    return found ? 0 : error_set(err, ERROR_FAILED, -ENOENT, "Xen has no guest '%s'", name);
}

int xen_tools_read(struct xen_tools *tools, unsigned id, struct xen_domain *out_domain,
                   struct error *err)
{
    xenstat_node *node;
    int rc = look(tools, 0, &node, err);
    if (rc < 0)
        return rc;
    xenstat_domain *domain = tools->xenstat_node_domain(node, id);
    if (domain)
        *out_domain = describe(tools, domain);
    tools->xenstat_free_node(node);
    return domain ? 0 : error_set(err, ERROR_FAILED, -ENOENT, "Xen has no guest %u any more", id);
}

static void describe_guest(const struct xen_tools *tools, xenstat_domain *domain,
                           struct xen_guest *guest)
{
    *guest = (struct xen_guest){.name = mem_strdup(tools->xenstat_domain_name(domain)),
                                .domain = describe(tools, domain),
                                .vcpus = tools->xenstat_domain_num_vcpus(domain)};
    if (guest->vcpus > XEN_VCPUS_MAX)
        guest->vcpus = XEN_VCPUS_MAX;
    for (unsigned i = 0; i < guest->vcpus; i++) {
        xenstat_vcpu *vcpu = tools->xenstat_domain_vcpu(domain, i);
        guest->vcpu_ns[i] = vcpu ? tools->xenstat_vcpu_ns(vcpu) : 0;
    }
}

int xen_tools_list(struct xen_tools *tools, struct xen_guest **out_guests, size_t *out_count,
                   struct error *err)
{
    xenstat_node *node;
    int rc = look(tools, WITH_VCPUS, &node, err);
    if (rc < 0)
        return rc;
    unsigned count = tools->xenstat_node_num_domains(node);
    struct xen_guest *guests = mem_array(count ? count : 1, sizeof(*guests));
    size_t found = 0;
    for (unsigned i = 0; i < count; i++) {
        xenstat_domain *domain = tools->xenstat_node_domain_by_index(node, i);
        if (domain)
            describe_guest(tools, domain, &guests[found++]);
    }
    tools->xenstat_free_node(node);
    *out_guests = guests;
    *out_count = found;
    return 0;
}

void xen_tools_free_guests(struct xen_guest *guests, size_t count)
{
    for (size_t i = 0; i < count; i++)
        free(guests[i].name);
    free(guests);
}

int xen_tools_find_console(struct xen_tools *tools, unsigned id, char **out_path, struct error *err)
{
    CLEANUP_FREE char *key = mem_printf("/local/domain/%u/console/tty", id);
    *out_path = tools->xs_read(tools->store, 0, key, NULL);
    return *out_path ? 0
                     : error_set(err, ERROR_FAILED, -ENOENT,
                                 "find the console of guest %u: nothing at '%s' in Xen's store "
                                 "(does xenconsoled run?)",
                                 id, key);
}

/* libxl prints many lines; the first that says error is nearest to the cause. */
static int report(const char *text, const char *word, struct error *err)
{
    const char *at = strstr(text, "error: ");
    at = at ? at + strlen("error: ") : text;
    return error_set(err, ERROR_FAILED, -EIO, "xl %s: %.*s", word, (int)strcspn(at, "\n"), at);
}

/* runs_through: the user's interrupt ends it neither through us nor, as a terminal sends it to the
 * whole process group, directly. */
static int call(const char *const *words, bool runs_through, char **out_text, struct error *err)
{
    const char *argv[8] = {"xl"};
    for (size_t i = 0; words[i] && i + 2 < COUNT_OF(argv); i++)
        argv[i + 1] = words[i];
    const struct process_options options = {
        .argv = argv, .own_group = runs_through, .runs_through = runs_through};
    struct process_output output;
    int rc = process_run(&options, XL_NS, TEXT_MAX, &output, err);
    if (rc < 0)
        return error_prefix(err, "xl %s", words[0]);
    CLEANUP_FREE char *text = output.text;
    if (output.status != 0)
        return report(text, words[0], err);
    if (out_text)
        *out_text = TAKE_PTR(text);
    return 0;
}

int xen_tools_call(const char *const *words, char **out_text, struct error *err)
{
    return call(words, false, out_text, err);
}

int xen_tools_destroy(const char *name, struct error *err)
{
    const char *const words[] = {"destroy", name, NULL};
    return call(words, true, NULL, err);
}

bool xen_tools_was_late(const char *text)
{
    static const char late[] = "rc=-9";
    const char *at = strstr(text, late);
    return at && (at[sizeof(late) - 1] < '0' || at[sizeof(late) - 1] > '9');
}

const char *xen_tools_describe_end(const char *xl_list, unsigned id)
{
    static const char *const ends[] = {"it powered off", "it rebooted", "it was suspended",
                                       "it crashed", "its watchdog expired"};
    for (const char *line = xl_list; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        unsigned found, reason;
        if (sscanf(line, "%*s %u %*s %*s %*s %*s %*s %x", &found, &reason) == 2 && found == id &&
            reason < COUNT_OF(ends))
            return ends[reason];
    }
    return "it ended, Xen does not say why";
}

/* NAME_PREFIX PID "-" START-TICKS "-" NUMBER: does its maker live? */
static bool is_orphan(const char *name)
{
    int pid, matched = 0;
    uint64_t ticks;
    if (sscanf(name, XEN_NAME_PREFIX "%d-%" SCNu64 "-%*u%n", &pid, &ticks, &matched) != 2 ||
        matched == 0 || name[matched] != '\0')
        return false;
    return !procfs_is_alive("/proc", pid, ticks);
}

static char *find_orphan(struct xen_tools *tools, xenstat_node *node, unsigned *index)
{
    unsigned count = tools->xenstat_node_num_domains(node);
    while (*index < count) {
        xenstat_domain *domain = tools->xenstat_node_domain_by_index(node, (*index)++);
        const char *name = domain ? tools->xenstat_domain_name(domain) : NULL;
        if (name && is_orphan(name))
            return mem_strdup(name);
    }
    return NULL;
}

int xen_tools_clean_dead(struct error *err)
{
    CLEANUP(xen_tools_close_cleanup) struct xen_tools *tools = NULL;
    xenstat_node *node;
    if (xen_tools_probe(NULL, NULL) < 0 || xen_tools_open(&tools, NULL) < 0)
        return 0;
    int rc = look(tools, 0, &node, err);
    if (rc < 0)
        return rc;
    unsigned index = 0;
    for (char *name; rc >= 0 && (name = find_orphan(tools, node, &index)); free(name))
        rc = xen_tools_destroy(name, err);
    tools->xenstat_free_node(node);
    return rc;
}
