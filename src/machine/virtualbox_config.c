/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/virtualbox_config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/strbuf.h"
#include "base/units.h"

#define SECTOR 512
#define NO_UUID "00000000-0000-0000-0000-000000000000"

/* The header of a VDI, little-endian; the fields that are left out are 0. */
#define VDI_TEXT "<<< Oracle VirtualBox Disk Image >>>\n"
#define VDI_SIGNATURE UINT32_C(0xbeda107f)
#define VDI_VERSION UINT32_C(0x00010001)
#define VDI_HEADER_BYTES 400 /* as the format counts: without what is before it */
#define VDI_TYPE_DIFFERENCING 4
#define VDI_BLOCK_BYTES (UINT64_C(1) << 20) /* VirtualBox 7.2 refuses less */
#define VDI_BLOCKS_MAX (UINT64_C(1) << 26)
enum {
    VDI_AT_SIGNATURE = 0x40,
    VDI_AT_VERSION = 0x44,
    VDI_AT_HEADER_BYTES = 0x48,
    VDI_AT_TYPE = 0x4c,
    VDI_AT_MAP = 0x154,
    VDI_AT_DATA = 0x158,
    VDI_AT_SECTOR = 0x168,
    VDI_AT_DISK_BYTES = 0x170,
    VDI_AT_BLOCK_BYTES = 0x178,
    VDI_AT_BLOCKS = 0x180,
    VDI_AT_UUID = 0x188,
    VDI_AT_UUID_CHANGE = 0x198,
    VDI_AT_UUID_BASE = 0x1a8,
    VDI_AT_BIOS_SECTOR = 0x1d4,
};

const char *virtualbox_format_uuid(unsigned owner, unsigned slot, enum virtualbox_object object,
                                   char text[VIRTUALBOX_UUID_BYTES])
{
    snprintf(text, VIRTUALBOX_UUID_BYTES, "%08x-%04x-4000-8000-%012x", owner, slot & 0xffff,
             (unsigned)object + 1);
    return text;
}

/* Text of an attribute, in double quotes. */
static void add_escaped(struct strbuf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            strbuf_adds(buf, "&amp;");
        else if (*text == '<')
            strbuf_adds(buf, "&lt;");
        else if (*text == '"')
            strbuf_adds(buf, "&quot;");
        else
            strbuf_addc(buf, *text);
    }
}

static void add_attribute(struct strbuf *buf, const char *name, const char *text)
{
    strbuf_addf(buf, " %s=\"", name);
    add_escaped(buf, text);
    strbuf_addc(buf, '"');
}

static void add_uuid(struct strbuf *buf, const struct virtualbox_config *config,
                     enum virtualbox_object object)
{
    char uuid[VIRTUALBOX_UUID_BYTES];
    virtualbox_format_uuid(config->owner, config->slot, object, uuid);
    strbuf_addf(buf, " uuid=\"{%s}\"", uuid);
}

static void add_medium(struct strbuf *buf, const struct virtualbox_config *config,
                       enum virtualbox_object object, const char *path, const char *end)
{
    strbuf_adds(buf, "<HardDisk");
    add_uuid(buf, config, object);
    add_attribute(buf, "location", path);
    strbuf_adds(buf, end);
}

static void add_media(struct strbuf *buf, const struct virtualbox_config *config)
{
    static const char raw[] = " format=\"VMDK\" type=\"Normal\"";
    strbuf_adds(buf, "<MediaRegistry><HardDisks>\n");
    add_medium(buf, config, VIRTUALBOX_BOOT, config->boot, raw);
    strbuf_adds(buf, "/>\n");
    add_medium(buf, config, VIRTUALBOX_BASE, config->base, raw);
    strbuf_adds(buf, ">\n");
    add_medium(buf, config, VIRTUALBOX_OVERLAY, config->overlay,
               " format=\"VDI\"/>\n</HardDisk>\n");
    for (unsigned i = 0; i < COUNT_OF(config->scratch) && config->scratch[i]; i++) {
        add_medium(buf, config, VIRTUALBOX_SCRATCH + i, config->scratch[i], raw);
        strbuf_adds(buf, "/>\n");
    }
    strbuf_adds(buf, "</HardDisks></MediaRegistry>\n");
}

static void add_extra(struct strbuf *buf, const char *key, const char *value)
{
    strbuf_addf(buf, "<ExtraDataItem name=\"VBoxInternal/%s\" value=\"%s\"/>\n", key, value);
}

/* The card's driver takes an open tap, by its number: standard input.
 *
 * In an emulated server: the timer that VirtualBox sets in the host ticks with what it offers the
 * guest at most, 16 kHz, where a host tick takes 50 us. The state of AVX is switched with an
 * instruction that is emulated too slowly. The guest's time stamp counter is by default
 * VirtualBox's own, which falls behind and then hurries (12 % was seen), since the processor does
 * not say that its counter is invariant; on the one emulated CPU it is. */
static void add_extras(struct strbuf *buf, const struct virtualbox_config *config)
{
    strbuf_adds(buf, "<ExtraData>\n");
    add_extra(buf, "Devices/virtio-net/0/LUN#0/Config/FileHandle", "0");
    if (config->emulated_server) {
        add_extra(buf, "TM/HostHzMax", "250");
        add_extra(buf, "TM/TSCMode", "RealTSCOffset");
        add_extra(buf, "CPUM/IsaExts/XSAVE", "0");
        add_extra(buf, "CPUM/IsaExts/AVX", "0");
        add_extra(buf, "CPUM/IsaExts/AVX2", "0");
    }
    strbuf_adds(buf, "</ExtraData>\n");
}

static void add_network(struct strbuf *buf, const struct virtualbox_config *config)
{
    strbuf_adds(buf, "<Network><Adapter slot=\"0\" enabled=\"true\" MACAddress=\"");
    for (const char *at = config->mac; *at; at++)
        if (*at != ':')
            strbuf_addc(buf, *at);
    strbuf_adds(buf, "\" type=\"virtio\"><GenericInterface driver=\"HostInterface\"/></Adapter>"
                     "</Network>\n");
}

static void add_attached(struct strbuf *buf, const struct virtualbox_config *config, unsigned port,
                         enum virtualbox_object object)
{
    strbuf_addf(buf,
                "<AttachedDevice type=\"HardDisk\" hotpluggable=\"false\" port=\"%u\" "
                "device=\"0\"><Image",
                port);
    add_uuid(buf, config, object);
    strbuf_adds(buf, "/></AttachedDevice>\n");
}

/* The BIOS boots from AHCI, of which the guest's kernel needs nothing. Its own disks are namespaces
 * of one NVMe controller, which the guest's init gives names by their numbers
 * (image/init/namespaces.h); the driver for them is built into Debian's kernel for clouds. */
static void add_storage(struct strbuf *buf, const struct virtualbox_config *config)
{
    unsigned ports = 1;
    while (ports <= COUNT_OF(config->scratch) && config->scratch[ports - 1])
        ports++;
    strbuf_adds(buf, "<StorageControllers>\n"
                     "<StorageController name=\"boot\" type=\"AHCI\" PortCount=\"1\" "
                     "useHostIOCache=\"true\" Bootable=\"true\">\n");
    add_attached(buf, config, 0, VIRTUALBOX_BOOT);
    strbuf_addf(buf,
                "</StorageController>\n"
                "<StorageController name=\"disks\" type=\"NVMe\" PortCount=\"%u\" "
                "useHostIOCache=\"%s\" Bootable=\"false\">\n",
                ports, config->cached ? "true" : "false");
    add_attached(buf, config, 0, VIRTUALBOX_OVERLAY);
    for (unsigned i = 1; i < ports; i++)
        add_attached(buf, config, i, VIRTUALBOX_SCRATCH + i - 1);
    strbuf_adds(buf, "</StorageController>\n</StorageControllers>\n");
}

static void add_hardware(struct strbuf *buf, const struct virtualbox_config *config)
{
    strbuf_addf(buf,
                "<Hardware>\n"
                "<CPU count=\"%u\"><HardwareVirtExLargePages enabled=\"%s\"/>"
                "<LongMode enabled=\"true\"/><X2APIC enabled=\"true\"/></CPU>\n"
                "<Memory RAMSize=\"%" PRIu64 "\"/>\n",
                config->vcpus, config->emulated_server ? "false" : "true",
                config->memory_bytes >> 20);
    strbuf_adds(buf, "<HID Pointing=\"None\" Keyboard=\"None\"/>\n"
                     "<Paravirt provider=\"KVM\"/>\n"
                     "<Boot><Order position=\"1\" device=\"HardDisk\"/>"
                     "<Order position=\"2\" device=\"None\"/>"
                     "<Order position=\"3\" device=\"None\"/>"
                     "<Order position=\"4\" device=\"None\"/></Boot>\n"
                     "<Display controller=\"VBoxVGA\" VRAMSize=\"1\"/>\n"
                     "<BIOS><IOAPIC enabled=\"true\"/><Logo fadeIn=\"false\" fadeOut=\"false\" "
                     "displayTime=\"0\"/><BootMenu mode=\"Disabled\"/></BIOS>\n");
    add_network(buf, config);
    strbuf_adds(buf, "<UART><Port slot=\"0\" enabled=\"true\" IOBase=\"0x3f8\" IRQ=\"4\" "
                     "hostMode=\"RawFile\"");
    add_attribute(buf, "path", config->console);
    strbuf_adds(buf, "/></UART>\n<AudioAdapter enabled=\"false\"/>\n<RTC localOrUTC=\"UTC\"/>\n");
    add_storage(buf, config);
    strbuf_adds(buf, "</Hardware>\n");
}

/* Version 1.19 of the settings is that of VirtualBox 7.0; later ones read it. */
char *virtualbox_format_machine(const struct virtualbox_config *config)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_adds(&buf, "<?xml version=\"1.0\"?>\n<VirtualBox xmlns=\"http://www.virtualbox.org/\" "
                      "version=\"1.19-linux\">\n<Machine");
    add_uuid(&buf, config, VIRTUALBOX_MACHINE);
    add_attribute(&buf, "name", config->name);
    strbuf_adds(&buf, " OSType=\"Linux_64\" snapshotFolder=\"Snapshots\" "
                      "lastStateChange=\"2025-01-01T00:00:00Z\">\n");
    add_media(&buf, config);
    add_extras(&buf, config);
    add_hardware(&buf, config);
    strbuf_adds(&buf, "</Machine>\n</VirtualBox>\n");
    return strbuf_take(&buf);
}

char *virtualbox_format_registry(const struct virtualbox_config *config, const char *path)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_adds(&buf, "<?xml version=\"1.0\"?>\n<VirtualBox xmlns=\"http://www.virtualbox.org/\" "
                      "version=\"1.12-linux\">\n<Global>\n<MachineRegistry><MachineEntry");
    add_uuid(&buf, config, VIRTUALBOX_MACHINE);
    add_attribute(&buf, "src", path);
    strbuf_adds(&buf, "/></MachineRegistry>\n</Global>\n</VirtualBox>\n");
    return strbuf_take(&buf);
}

char *virtualbox_format_raw_disk(const char *path, uint64_t bytes, const char *uuid)
{
    return mem_printf("# Disk DescriptorFile\n"
                      "version=1\n"
                      "CID=11111111\n"
                      "parentCID=ffffffff\n"
                      "createType=\"monolithicFlat\"\n\n"
                      "RW %" PRIu64 " FLAT \"%s\" 0\n\n"
                      "ddb.virtualHWVersion=\"4\"\n"
                      "ddb.uuid.image=\"%s\"\n"
                      "ddb.uuid.parent=\"" NO_UUID "\"\n"
                      "ddb.uuid.modification=\"" NO_UUID "\"\n"
                      "ddb.uuid.parentmodification=\"" NO_UUID "\"\n",
                      bytes / SECTOR, path, uuid);
}

static void put_u32(unsigned char *at, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        at[i] = (unsigned char)(value >> 8 * i);
}

/* As Windows lays a UUID out: its first three numbers are little-endian. */
static void put_uuid(unsigned char *at, const struct virtualbox_config *config,
                     enum virtualbox_object object)
{
    put_u32(at, config->owner);
    put_u32(at + 4, UINT32_C(0x40000000) | (config->slot & 0xffff));
    at[8] = 0x80;
    at[15] = (unsigned char)(object + 1);
}

unsigned char *virtualbox_make_overlay(const struct virtualbox_config *config, uint64_t bytes,
                                       size_t *out_length)
{
    uint64_t blocks = bytes / VDI_BLOCK_BYTES + (bytes % VDI_BLOCK_BYTES != 0);
    if (blocks == 0 || blocks > VDI_BLOCKS_MAX)
        return NULL;
    size_t map_bytes = (size_t)blocks * 4;
    size_t length = SECTOR + (map_bytes + SECTOR - 1) / SECTOR * SECTOR;
    unsigned char *file = mem_zalloc(length);
    memcpy(file, VDI_TEXT, strlen(VDI_TEXT));
    put_u32(file + VDI_AT_SIGNATURE, VDI_SIGNATURE);
    put_u32(file + VDI_AT_VERSION, VDI_VERSION);
    put_u32(file + VDI_AT_HEADER_BYTES, VDI_HEADER_BYTES);
    put_u32(file + VDI_AT_TYPE, VDI_TYPE_DIFFERENCING);
    put_u32(file + VDI_AT_MAP, SECTOR);
    put_u32(file + VDI_AT_DATA, (uint32_t)length);
    put_u32(file + VDI_AT_SECTOR, SECTOR);
    put_u32(file + VDI_AT_DISK_BYTES, (uint32_t)bytes);
    put_u32(file + VDI_AT_DISK_BYTES + 4, (uint32_t)(bytes >> 32));
    put_u32(file + VDI_AT_BLOCK_BYTES, (uint32_t)VDI_BLOCK_BYTES);
    put_u32(file + VDI_AT_BLOCKS, (uint32_t)blocks);
    put_uuid(file + VDI_AT_UUID, config, VIRTUALBOX_OVERLAY);
    put_uuid(file + VDI_AT_UUID_CHANGE, config, VIRTUALBOX_CHANGE);
    put_uuid(file + VDI_AT_UUID_BASE, config, VIRTUALBOX_BASE);
    put_u32(file + VDI_AT_BIOS_SECTOR, SECTOR);
    memset(file + SECTOR, 0xff, map_bytes); /* each block is the base's */
    *out_length = length;
    return file;
}

/* A line of the log is TIME, space, text. */
const char *virtualbox_find_end(const char *text, size_t *out_length)
{
    static const char *const signs[] = {"Guru Meditation", "to 'GURU_MEDITATION", "to 'FATAL_ERROR",
                                        "to 'RESETTING"};
    for (size_t i = 0; i < COUNT_OF(signs); i++) {
        const char *at = strstr(text, signs[i]);
        if (!at)
            continue;
        while (at > text && at[-1] != '\n')
            at--;
        size_t time = strspn(at, "0123456789:.");
        at += time + strspn(at + time, " ");
        *out_length = strcspn(at, "\r\n");
        return at;
    }
    return NULL;
}

/* "      71558: 0x0000008cf4d27cd4/+0 ..." */
static bool parse_number(const char *line, size_t length, uint64_t *out_number)
{
    size_t at = 0;
    uint64_t number = 0;
    while (at < length && line[at] == ' ')
        at++;
    size_t first = at;
    for (; at < length && line[at] >= '0' && line[at] <= '9' && at - first < 19; at++)
        number = number * 10 + (uint64_t)(line[at] - '0');
    if (at == first || length - at < 4 || memcmp(line + at, ": 0x", 4) != 0)
        return false;
    *out_number = number;
    return true;
}

int virtualbox_parse_exits(const char *text, size_t length, uint64_t *out_exits)
{
    static const char head[] = "CPU[";
    const char *end = text + length;
    uint64_t sum = 0, number;
    bool awaited = false, found = false;
    for (const char *line = text; line < end;) {
        const char *newline = memchr(line, '\n', (size_t)(end - line));
        size_t bytes = (size_t)((newline ? newline : end) - line);
        if (bytes >= strlen(head) && memcmp(line, head, strlen(head)) == 0) {
            awaited = true;
        } else if (awaited && parse_number(line, bytes, &number)) {
            if (number > UINT64_MAX - sum)
                return -EBADMSG;
            sum += number;
            awaited = false;
            found = true;
        }
        line += bytes + 1;
    }
    if (!found)
        return -EBADMSG;
    *out_exits = sum;
    return 0;
}
