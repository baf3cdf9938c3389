/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "image/init/namespaces.h"

#include <endian.h>
#include <fcntl.h>
#include <linux/nvme_ioctl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* NVM Express Base Specification 2.0, 5.17: Identify, and its list of active namespaces. */
enum { IDENTIFY = 0x06, ACTIVE_NAMESPACES = 0x02, LIST_BYTES = 4096 };
enum { NAMESPACES_MAX = 16 };

struct name_list {
    uint32_t ids[LIST_BYTES / sizeof(uint32_t)]; /* little-endian, ascending; 0: no more */
};

static bool list_namespaces(struct name_list *out_list)
{
    struct nvme_passthru_cmd identify = {
        .opcode = IDENTIFY,
        .addr = (uint64_t)(uintptr_t)out_list,
        .data_len = LIST_BYTES,
        .cdw10 = ACTIVE_NAMESPACES,
    };
    int fd = open("/dev/nvme0", O_RDWR | O_CLOEXEC);
    bool done = fd >= 0 && ioctl(fd, NVME_IOCTL_ADMIN_CMD, &identify) == 0;
    if (fd >= 0)
        close(fd);
    return done;
}

static int identifier_of(const char *device)
{
    int fd = open(device, O_RDONLY | O_CLOEXEC);
    int id = fd >= 0 ? ioctl(fd, NVME_IOCTL_ID) : -1;
    if (fd >= 0)
        close(fd);
    return id;
}

/* A link that is there already stays. */
static bool link_namespace(uint32_t id)
{
    char link[sizeof(NAMESPACES_PREFIX) + 10], device[sizeof("/dev/nvme0n4294967295")];
    snprintf(link, sizeof(link), NAMESPACES_PREFIX "%u", id);
    for (unsigned i = 1; i <= NAMESPACES_MAX; i++) {
        snprintf(device, sizeof(device), "/dev/nvme0n%u", i);
        if (access(link, F_OK) == 0)
            return true;
        if (identifier_of(device) == (int)id && symlink(device, link) < 0)
            return false;
    }
    return access(link, F_OK) == 0;
}

bool namespaces_link(void)
{
    static struct name_list list;
    bool all = list_namespaces(&list);
    for (unsigned i = 0; all && i < NAMESPACES_MAX && list.ids[i]; i++)
        all = link_namespace(le32toh(list.ids[i]));
    return all;
}
