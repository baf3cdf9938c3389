/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/recipe.h"

#include <stdint.h>

#include "base/strbuf.h"

#include "image/init_program.h"

/* tiny-initramfs stands in for initramfs-tools, which would pull in udev and systemd; its initrd is
 * not used. apache2-bin is the server with all its modules but without the configuration, which a
 * workload brings. */
const char *const recipe_packages[] = {
    "apache2-bin",
    "bzip2",
    "coreutils",
    "dropbear-bin",
    "iproute2",
    "kmod",
    "linux-image-cloud-amd64",
    "linux-perf",
    "mount",
    "netperf",
    "procps",
    "tiny-initramfs",
    NULL,
};

const char *const recipe_workload_packages[] = {"bzip2", "coreutils", "netperf", "apache2-bin",
                                                NULL};

/* The cloud kernel has virtio-pci, the virtio console, Xen's bus and ext4 built in. A driver of the
 * other hypervisor refuses to load, which init takes for granted. */
const char *const recipe_modules[] = {"virtio_rng",   "virtio_blk",   "virtio_net",
                                      "xen_blkfront", "xen_netfront", NULL};

const char *const recipe_dpkg_options[] = {
    "path-exclude=/usr/share/doc/*",           "path-exclude=/usr/share/man/*",
    "path-exclude=/usr/share/locale/*",        "path-exclude=/usr/share/info/*",
    "path-include=/usr/share/doc/*/copyright", NULL,
};

const struct bootstrap_recipe recipe_bootstrap = {
    .what = "guest image",
    .suite = RECIPE_SUITE,
    .components = "main",
    .epoch = RECIPE_EPOCH,
    .packages = recipe_packages,
    .dpkg_options = recipe_dpkg_options,
};

static void add_list(struct strbuf *buf, const char *name, const char *const *items)
{
    strbuf_addf(buf, "%s:", name);
    for (; *items; items++)
        strbuf_addf(buf, " %s", *items);
    strbuf_addc(buf, '\n');
}

void recipe_digest(char out_digest[DIGEST_TEXT_BYTES])
{
    char init[DIGEST_TEXT_BYTES];
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    digest_bytes(init_program, (size_t)(init_program_end - init_program), init);
    strbuf_addf(&buf, "version: %s\nsuite: %s\nepoch: %s\ndisk: %llu\ninit: %s\n", RECIPE_VERSION,
                RECIPE_SUITE, RECIPE_EPOCH, (unsigned long long)RECIPE_DISK_BYTES, init);
    add_list(&buf, "packages", recipe_packages);
    add_list(&buf, "modules", recipe_modules);
    add_list(&buf, "dpkg", recipe_dpkg_options);
    digest_bytes(buf.text, buf.length, out_digest);
}
