/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/xen_config.h"

#include <inttypes.h>
#include <string.h>

#include "base/strbuf.h"

/* A string of xl.cfg: in single quotes, with backslash escapes. */
static void add_escaped(struct strbuf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\')
            strbuf_addc(buf, '\\');
        strbuf_addc(buf, *text);
    }
}

static void add_text(struct strbuf *buf, const char *key, const char *text)
{
    strbuf_addf(buf, "%s = '", key);
    add_escaped(buf, text);
    strbuf_adds(buf, "'\n");
}

const char *xen_config_disk_name(unsigned index)
{
    static const char *const names[XEN_DISKS_MAX] = {"xvda", "xvdb", "xvdc", "xvdd"};
    return names[index];
}

/* QEMU is the back-end for every disk: it knows qcow2, opens no loop device that could stay behind,
 * and does the I/O with the same code as KVM's. The target comes last: it may hold commas. */
static void add_disk(struct strbuf *buf, const struct xen_disk *disk, unsigned index)
{
    strbuf_addf(buf,
                "%s'vdev=%s,format=%s,access=%s,backendtype=qdisk,%starget=", index ? ", " : "",
                xen_config_disk_name(index), disk->format, disk->read_only ? "ro" : "rw",
                disk->direct ? "direct-io-safe," : "");
    add_escaped(buf, disk->path);
    strbuf_addc(buf, '\'');
}

static void add_devices(struct strbuf *buf, const struct xen_config *config)
{
    strbuf_adds(buf, "disk = [");
    for (unsigned i = 0; i < config->disk_count; i++)
        add_disk(buf, &config->disks[i], i);
    /* type=vif: without an emulated card beside it */
    strbuf_addf(buf, "]\nvif = ['mac=%s,type=vif,script=", config->mac);
    add_escaped(buf, config->vif_script);
    strbuf_adds(buf, "']\n");
}

static void add_cpus(struct strbuf *buf, const struct option_counts *cpus)
{
    if (cpus->count == 0)
        return;
    strbuf_adds(buf, "cpus = '");
    for (size_t i = 0; i < cpus->count; i++)
        strbuf_addf(buf, "%s%" PRIu64, i ? "," : "", cpus->items[i]);
    strbuf_adds(buf, "'\n");
}

/* BIOS and boot loader read an AHCI disk by DMA, an IDE disk by one port access for two bytes. */
static void add_firmware(struct strbuf *buf)
{
    strbuf_adds(buf, "boot = 'c'\nhdtype = 'ahci'\nvga = 'none'\nvnc = 0\nusb = 0\n");
}

/* The time stamp counter is the processor's: it would otherwise be emulated wherever Xen does not
 * trust it, and a guest is never moved. A guest that ends stays until we have looked why. */
char *xen_config_format(const struct xen_config *config)
{
    struct strbuf buf;
    strbuf_init(&buf);
    add_text(&buf, "name", config->name);
    add_text(&buf, "type", config->type);
    strbuf_addf(&buf, "memory = %" PRIu64 "\nmaxmem = %" PRIu64 "\nvcpus = %u\n",
                config->memory_bytes >> 20, config->memory_bytes >> 20, config->vcpus);
    add_cpus(&buf, &config->placement->vms);
    strbuf_adds(&buf, "tsc_mode = 'native'\n"
                      "on_poweroff = 'preserve'\n"
                      "on_reboot = 'preserve'\n"
                      "on_crash = 'preserve'\n");
    if (config->kernel) {
        add_text(&buf, "kernel", config->kernel);
        add_text(&buf, "ramdisk", config->initrd);
        add_text(&buf, "cmdline", config->command_line);
    }
    if (strcmp(config->type, "hvm") == 0)
        add_firmware(&buf);
    add_devices(&buf, config);
    char *text = strbuf_take(&buf);
    strbuf_done(&buf);
    return text;
}
