/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/domain.h"

#include <inttypes.h>
#include <string.h>

#include "base/strbuf.h"

/* Slots of the root bus. Devices on it directly are found sooner than behind the ports that libvirt
 * would give each of them: a port costs the guest time at boot. */
enum { SLOT_DISK = 4, SLOT_NETWORK = 16, SLOT_RANDOM = 17 };

static void add_escaped(struct strbuf *buf, const char *text)
{
    for (const char *at = text; *at; at++) {
        if (*at == '&')
            strbuf_adds(buf, "&amp;");
        else if (*at == '<')
            strbuf_adds(buf, "&lt;");
        else if (*at == '>')
            strbuf_adds(buf, "&gt;");
        else if (*at == '\'')
            strbuf_adds(buf, "&apos;");
        else
            strbuf_addc(buf, *at);
    }
}

/* FORMAT with one %s, which is replaced by escaped text. */
static void add_line(struct strbuf *buf, const char *before, const char *text, const char *after)
{
    strbuf_adds(buf, before);
    add_escaped(buf, text);
    strbuf_adds(buf, after);
}

static void add_numbers(struct strbuf *buf, const struct option_counts *counts)
{
    for (size_t i = 0; i < counts->count; i++)
        strbuf_addf(buf, "%s%" PRIu64, i ? "," : "", counts->items[i]);
}

/* Each vCPU may use all CPUs for machines: how many machines there are, and so who goes where, is
 * the host scheduler's business, as it is for native instances. */
static void add_tuning(struct strbuf *buf, const struct domain *domain)
{
    const struct plan_placement *placement = domain->placement;
    const struct option_counts *emulator =
        placement->emulator.count ? &placement->emulator : &placement->vms;
    if (placement->vms.count || emulator->count) {
        strbuf_adds(buf, "  <cputune>\n");
        for (unsigned i = 0; i < domain->vcpus && placement->vms.count; i++) {
            strbuf_addf(buf, "    <vcpupin vcpu='%u' cpuset='", i);
            add_numbers(buf, &placement->vms);
            strbuf_adds(buf, "'/>\n");
        }
        if (emulator->count) {
            strbuf_adds(buf, "    <emulatorpin cpuset='");
            add_numbers(buf, emulator);
            strbuf_adds(buf, "'/>\n");
        }
        strbuf_adds(buf, "  </cputune>\n");
    }
    if (placement->numa_nodes.count) {
        strbuf_adds(buf, "  <numatune>\n    <memory mode='strict' nodeset='");
        add_numbers(buf, &placement->numa_nodes);
        strbuf_adds(buf, "'/>\n  </numatune>\n");
    }
}

static void add_system(struct strbuf *buf, const struct domain *domain)
{
    strbuf_addf(buf, "  <memory unit='b'>%" PRIu64 "</memory>\n", domain->memory_bytes);
    if (domain->huge_pages)
        strbuf_adds(buf, "  <memoryBacking>\n    <hugepages/>\n  </memoryBacking>\n");
    strbuf_addf(buf, "  <vcpu placement='static'>%u</vcpu>\n", domain->vcpus);
    add_tuning(buf, domain);
    strbuf_adds(buf, "  <os>\n");
    add_line(buf, "    <type arch='x86_64' machine='", domain->machine, "'>hvm</type>\n");
    if (domain->kernel) {
        add_line(buf, "    <kernel>", domain->kernel, "</kernel>\n");
        add_line(buf, "    <initrd>", domain->initrd, "</initrd>\n");
        add_line(buf, "    <cmdline>", domain->command_line, "</cmdline>\n");
    }
    strbuf_adds(buf, "  </os>\n  <features>\n    <acpi/>\n    <apic/>\n");
    if (domain->tb_cache_bytes)
        strbuf_addf(buf,
                    "    <tcg>\n      <tb-cache unit='MiB'>%" PRIu64 "</tb-cache>\n    </tcg>\n",
                    domain->tb_cache_bytes >> 20);
    strbuf_adds(buf, "  </features>\n");
    if (strcmp(domain->cpu, "maximum") == 0 || strcmp(domain->cpu, "host-passthrough") == 0)
        add_line(buf, "  <cpu mode='", domain->cpu, "' check='none'/>\n");
    else
        add_line(buf, "  <cpu mode='custom' match='exact' check='none'>\n    <model>", domain->cpu,
                 "</model>\n  </cpu>\n");
}

const char *domain_disk_name(unsigned index)
{
    static const char *const names[DOMAIN_DISKS_MAX] = {"vda", "vdb", "vdc", "vdd"};
    return names[index];
}

static void add_disk(struct strbuf *buf, const struct domain_disk *disk, unsigned index)
{
    strbuf_adds(buf, "    <disk type='file' device='disk'>\n");
    strbuf_addf(buf, "      <driver name='qemu' type='%s' cache='%s'", disk->format, disk->cache);
    strbuf_addf(buf, " io='%s'/>\n", disk->io);
    add_line(buf, "      <source file='", disk->path, "'/>\n");
    strbuf_addf(buf, "      <target dev='%s' bus='virtio'/>\n", domain_disk_name(index));
    if (disk->read_only)
        strbuf_adds(buf, "      <readonly/>\n");
    strbuf_addf(buf,
                "      <address type='pci' domain='0' bus='0' slot='%u' function='0'/>\n"
                "    </disk>\n",
                SLOT_DISK + index);
}

static void add_tap(struct strbuf *buf, const struct domain *domain)
{
    strbuf_addf(buf,
                "    <interface type='ethernet'>\n"
                "      <mac address='%s'/>\n"
                "      <target dev='%s' managed='no'/>\n"
                "      <model type='virtio'/>\n"
                "      <rom enabled='no'/>\n"
                "      <address type='pci' domain='0' bus='0' slot='%u' function='0'/>\n"
                "    </interface>\n",
                domain->mac, domain->tap, SLOT_NETWORK);
}

static void add_devices(struct strbuf *buf, const struct domain *domain)
{
    strbuf_adds(buf, "  <devices>\n");
    add_line(buf, "    <emulator>", domain->emulator, "</emulator>\n");
    for (unsigned i = 0; i < domain->disk_count; i++)
        add_disk(buf, &domain->disks[i], i);
    strbuf_adds(buf, "    <controller type='usb' model='none'/>\n");
    if (domain->tap)
        add_tap(buf, domain);
    add_line(buf, "    <serial type='file'>\n      <source path='", domain->console,
             "'/>\n    </serial>\n");
    /* Without randomness the SSH server waits for the guest's kernel to gather some. */
    strbuf_addf(buf,
                "    <rng model='virtio'>\n"
                "      <backend model='random'>/dev/urandom</backend>\n"
                "      <address type='pci' domain='0' bus='0' slot='%u' function='0'/>\n"
                "    </rng>\n"
                "    <memballoon model='none'/>\n"
                "  </devices>\n",
                SLOT_RANDOM);
}

/* libvirt 9.0 cannot describe forwarded ports of QEMU's own user-mode network. */
static void add_user_network(struct strbuf *buf, const struct domain *domain)
{
    strbuf_adds(buf, "  <qemu:commandline>\n    <qemu:arg value='-netdev'/>\n");
    strbuf_addf(buf, "    <qemu:arg value='user,id=net0,ipv6=off,net=%s.0/24,host=%s.1",
                domain->user_subnet, domain->user_subnet);
    for (unsigned i = 0; i < domain->forward_count; i++)
        strbuf_addf(buf, ",hostfwd=tcp:%s:%u-%s:%u", domain->user_host_address,
                    domain->forwards[i].host, domain->user_guest, domain->forwards[i].machine);
    strbuf_addf(buf,
                "'/>\n    <qemu:arg value='-device'/>\n"
                "    <qemu:arg value='virtio-net-pci,netdev=net0,mac=%s,romfile=,addr=0x%x'/>\n"
                "  </qemu:commandline>\n",
                domain->mac, SLOT_NETWORK);
}

char *domain_format_xml(const struct domain *domain)
{
    struct strbuf buf;
    strbuf_init(&buf);
    strbuf_addf(&buf,
                "<domain type='%s' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>\n",
                domain->type);
    add_line(&buf, "  <name>", domain->name, "</name>\n");
    add_system(&buf, domain);
    strbuf_adds(&buf, "  <on_poweroff>destroy</on_poweroff>\n"
                      "  <on_reboot>destroy</on_reboot>\n"
                      "  <on_crash>destroy</on_crash>\n");
    add_devices(&buf, domain);
    if (!domain->tap)
        add_user_network(&buf, domain);
    strbuf_adds(&buf, "</domain>\n");
    char *xml = strbuf_take(&buf);
    strbuf_done(&buf);
    return xml;
}
