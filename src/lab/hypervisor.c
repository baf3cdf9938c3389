/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "lab/hypervisor.h"

#include <string.h>

#include "base/strbuf.h"
#include "base/words.h"

#include "lab/programs.h"

#define EPOCH "1735689600"
#define RECIPE_VERSION "1" /* to be raised when a change in the code changes the images */

/* What vtax needs to run and to drive machines, in each image (libelf1 comes with iproute2).
 * tiny-initramfs stands in for initramfs-tools, whose initrd is not used. */
#define COMMON_PACKAGES                                                                            \
    "linux-image-amd64", "tiny-initramfs", "kmod", "iproute2", "mount", "procps", "bsdutils",      \
        "util-linux", "bubblewrap", "bzip2", "e2fsprogs", "libjansson4", "libmd0",                 \
        "libnl-route-3-200", "libsqlite3-0", "libssh-4", "liburing2", "libvirt0", "libyaml-0-2",   \
        "zlib1g"

static const char *const kvm_packages[] = {
    COMMON_PACKAGES, "libssl3", "libvirt-daemon", "libvirt-daemon-driver-qemu", "qemu-system-x86",
    "qemu-utils",    NULL};

/* With the kernel's own profiler and the names of events, for studies of counters
 * (lab/counters.h). */
static const char *const kvm_perf_packages[] = {COMMON_PACKAGES,
                                                "libpfm4",
                                                "libssl3",
                                                "libvirt-daemon",
                                                "libvirt-daemon-driver-qemu",
                                                "qemu-system-x86",
                                                "qemu-utils",
                                                "linux-perf",
                                                NULL};
static const char *const kvm_mediated_packages[] = {
    COMMON_PACKAGES,   "libssl3t64", "libvirt-daemon", "libvirt-daemon-driver-qemu",
    "qemu-system-x86", "qemu-utils", "linux-perf",     NULL};

/* GRUB is no longer used: it goes when the images change for another reason. */
static const char *const xen_packages[] = {COMMON_PACKAGES,
                                           "libssl3",
                                           "grub-common",
                                           "grub-pc-bin",
                                           "qemu-system-xen",
                                           "qemu-utils",
                                           "xen-hypervisor-4.17-amd64",
                                           "xen-utils-4.17",
                                           NULL};

/* DKMS builds vboxdrv for the image's kernel while the package is installed. */
static const char *const virtualbox_packages[] = {
    COMMON_PACKAGES, "libssl3t64",      "grub-common", "grub-pc-bin", "linux-headers-amd64",
    "virtualbox",    "virtualbox-dkms", "xz-utils",    NULL};

static const char *const emulator_packages[] = {"qemu-system-x86", "qemu-system-data", "seabios",
                                                NULL};

static const char *const dpkg_options[] = {
    "path-exclude=/usr/share/doc/*",           "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",        "path-exclude=/usr/share/info/*",
    "path-include=/usr/share/doc/*/copyright", NULL};

/* The initrd finds the root file system. ext4 asks for crc32c by name, so modules.dep does not
 * tell; later kernels have it built in. */
static const char *const bookworm_modules[] = {"crc32c_generic", "virtio_pci", "virtio_blk", "ext4",
                                               NULL};
static const char *const sid_modules[] = {"virtio_pci", "virtio_blk", "ext4", NULL};

static const char *const kvm_platforms[] = {"native", "kvm", "qemu-tcg", "fake", NULL};
/* QEMU's emulation inside of the emulated server is left to plans that name it beside KVM, and to
 * who asks for it: a trial takes six minutes and more. */
static const char *const kvm_defaults[] = {"native", "kvm", NULL};
static const char *const xen_platforms[] = {"native", "xen-pv", "xen-pvh", "xen-hvm", "fake", NULL};
/* PVH and HVM guests start because the plugins carry out reads of CR2 (plugin/cr2.c); with an
 * emulator that cannot load those and errs, they end at their first page fault. */
static const char *const xen_defaults[] = {"native", "xen-pv", "xen-pvh", "xen-hvm", NULL};
static const char *const virtualbox_platforms[] = {"native", "virtualbox", "fake", NULL};
static const char *const virtualbox_defaults[] = {"native", "virtualbox", NULL};

/* The server is the same for all images with KVM. */
#define KVM_SERVER                                                                                 \
    .family = "kvm", .console = "ttyS0", .cpu_features = "+svm", .cpus_max = 16,                   \
    .memory_bytes = UINT64_C(4) << 30, .platforms = kvm_platforms,                                 \
    .default_platforms = kvm_defaults

static const struct hypervisor kvm = {
    .name = "kvm",
    .title = "KVM (stock Debian 12)",
    .recipe = {.what = "KVM lab image",
               .suite = "bookworm",
               .components = "main",
               .epoch = EPOCH,
               .packages = kvm_packages,
               .dpkg_options = dpkg_options},
    .modules = bookworm_modules,
    KVM_SERVER,
};

static const struct hypervisor kvm_perf = {
    .name = "kvm-perf",
    .title = "KVM (stock Debian 12)",
    .recipe = {.what = "KVM lab image with perf",
               .suite = "bookworm",
               .components = "main",
               .epoch = EPOCH,
               .packages = kvm_perf_packages,
               .dpkg_options = dpkg_options},
    .modules = bookworm_modules,
    KVM_SERVER,
};

/* KVM's mediated vPMU is in Linux 7.0 and later. */
static const struct hypervisor kvm_mediated = {
    .name = "kvm-mediated",
    .title = "KVM (Debian unstable)",
    .recipe = {.what = "KVM lab image of Debian unstable",
               .suite = "sid",
               .components = "main",
               .rolling = true,
               .epoch = EPOCH,
               .packages = kvm_mediated_packages,
               .dpkg_options = dpkg_options},
    .modules = sid_modules,
    KVM_SERVER,
};

/* Xen 4.17 cannot be emulated with SMAP by QEMU before 11; without it every QEMU will do. XSAVE
 * is off on suspicion: with it the dynamic linker of a paravirtualized guest did not find a symbol
 * that was there, in 2 of 8 boots. The control domain's memory is
 * fixed, so that guests find theirs free. No comma may be in the arguments of the kernel, which is
 * a Multiboot module. One CPU: Xen would run guests on the first of several, which corrupts them
 * (emulator.c), and with two the control domain needed more than twice the CPU time for the same
 * work, so that libxl's time-outs passed. */
static const struct hypervisor xen = {
    .name = "xen",
    .family = "xen",
    .title = "Xen 4.17 (stock Debian 12)",
    .recipe = {.what = "Xen lab image",
               .suite = "bookworm",
               .components = "main",
               .epoch = EPOCH,
               .packages = xen_packages,
               .dpkg_options = dpkg_options},
    .modules = bookworm_modules,
    .boot_image = "xen-4.17-amd64.gz",
    .boot_options = "dom0_mem=1536M,max:1536M console=com1 com1=115200,8n1 "
                    "loglvl=info guest_loglvl=info",
    .console = "hvc0",
    .cpu_features = "+svm,-smap,-smep,-xsave",
    .cpus_max = 1,
    .memory_bytes = UINT64_C(4) << 30,
    .platforms = xen_platforms,
    .default_platforms = xen_defaults,
};

/* VirtualBox does not look for an interrupt that one of the host's kept from the guest: it is
 * owed. One CPU unless more are asked for: with one it was tried most, ten times in a row. */
static const struct hypervisor virtualbox = {
    .name = "virtualbox",
    .family = "virtualbox",
    .title = "VirtualBox 7 (Debian unstable)",
    .recipe = {.what = "VirtualBox lab image",
               .suite = "sid",
               .components = "main contrib",
               .rolling = true,
               .epoch = EPOCH,
               .packages = virtualbox_packages,
               .dpkg_options = dpkg_options},
    .modules = sid_modules,
    .console = "ttyS0",
    .cpu_features = "+svm,-la57",
    .counter_options = ",undelivered=owe",
    .cpus = 1,
    .cpus_max = 16,
    .memory_bytes = UINT64_C(3) << 30,
    .platforms = virtualbox_platforms,
    .default_platforms = virtualbox_defaults,
};

const struct bootstrap_recipe emulator_recipe = {.what = "lab's QEMU",
                                                 .suite = "forky",
                                                 .components = "main",
                                                 .rolling = true,
                                                 .epoch = EPOCH,
                                                 .packages = emulator_packages,
                                                 .dpkg_options = dpkg_options};

const struct hypervisor *const hypervisors[] = {&kvm, &xen, &virtualbox, NULL};
const struct hypervisor *const hypervisor_variants[] = {&kvm_perf, &kvm_mediated, NULL};

static const struct hypervisor *find(const struct hypervisor *const *at, const char *name)
{
    while (*at && strcmp((*at)->name, name) != 0)
        at++;
    return *at;
}

const struct hypervisor *hypervisor_find(const char *name)
{
    const struct hypervisor *found = find(hypervisors, name);
    return found ? found : find(hypervisor_variants, name);
}

int hypervisor_refuse(const char *name, struct error *err)
{
    const char *names[COUNT_OF(hypervisors)] = {NULL};
    for (size_t i = 0; hypervisors[i]; i++)
        names[i] = hypervisors[i]->name;
    return words_set_unknown(err, "hypervisor", name, names);
}

static void add_list(struct strbuf *buf, const char *name, const char *const *items)
{
    strbuf_addf(buf, "%s:", name);
    for (; *items; items++)
        strbuf_addf(buf, " %s", *items);
    strbuf_addc(buf, '\n');
}

void hypervisor_recipe_digest(const struct hypervisor *hypervisor,
                              char out_digest[DIGEST_TEXT_BYTES])
{
    const struct bootstrap_recipe *recipe = hypervisor ? &hypervisor->recipe : &emulator_recipe;
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_addf(&buf, "version: " RECIPE_VERSION "\nsuite: %s\ncomponents: %s\nepoch: %s\n",
                recipe->suite, recipe->components, recipe->epoch);
    strbuf_addf(&buf, "disk: %llu\n", (unsigned long long)HYPERVISOR_DISK_BYTES);
    add_list(&buf, "packages", recipe->packages);
    add_list(&buf, "dpkg", recipe->dpkg_options);
    if (hypervisor) {
        add_list(&buf, "modules", hypervisor->modules);
        strbuf_add(&buf, (const char *)lab_boot, (size_t)(lab_boot_end - lab_boot));
    }
    digest_bytes(buf.text, buf.length, out_digest);
}
