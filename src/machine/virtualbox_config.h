/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * virtualbox_config: one description of a VirtualBox machine, and the files that it becomes: the
 * settings (.vbox) and the list of machines (VirtualBox.xml) of VirtualBox 7, a descriptor for each
 * raw disk (VMDK 1), and the header of a copy-on-write disk (VDI 1.1). Written by hand, they save
 * some 14 calls of VBoxManage, each of which takes seconds in an emulated server. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VIRTUALBOX_DISKS_MAX 4
#define VIRTUALBOX_UUID_BYTES 37

/* Disks are told apart by numbers; each machine has a list of its own. */
enum virtualbox_object {
    VIRTUALBOX_MACHINE,
    VIRTUALBOX_BOOT,
    VIRTUALBOX_BASE,
    VIRTUALBOX_OVERLAY,
    VIRTUALBOX_SCRATCH,                         /* and one more */
    VIRTUALBOX_CHANGE = VIRTUALBOX_SCRATCH + 2, /* of the overlay */
};

struct virtualbox_config {
    const char *name;
    unsigned vcpus;
    uint64_t memory_bytes;
    const char *mac;        /* 52:54:00:56:01:0a */
    const char *console;    /* file that its serial port writes */
    const char *boot;       /* descriptor of the disk that boots */
    const char *base;       /* descriptor of the image's disk */
    const char *overlay;    /* VDI on top of it */
    const char *scratch[2]; /* descriptors; NULL: none */
    bool cached;            /* scratch disks through the host's page cache */
    bool emulated_server;   /* on an emulated CPU, which needs milder timing */
    unsigned owner; /* a process number: the UUIDs of different machines differ by it and by slot */
    unsigned slot;
};

/* Random in nothing: version 4 by form only. Returns text. */
const char *virtualbox_format_uuid(unsigned owner, unsigned slot, enum virtualbox_object object,
                                   char text[VIRTUALBOX_UUID_BYTES]);

/* The machine's settings; the caller frees. */
char *virtualbox_format_machine(const struct virtualbox_config *config);
/* The list of machines with this one, whose settings are in the file `path`; the caller frees. */
char *virtualbox_format_registry(const struct virtualbox_config *config, const char *path);
/* Describes a raw disk of this size; the caller frees. */
char *virtualbox_format_raw_disk(const char *path, uint64_t bytes, const char *uuid);

/* An empty copy-on-write disk on one of this size: header and block map, the whole file; the caller
 * frees. NULL when the size is 0 or too large (more than 64 TiB). */
unsigned char *virtualbox_make_overlay(const struct virtualbox_config *config, uint64_t bytes,
                                       size_t *out_length);

/* In what a machine has logged (VBox.log): the line that says that it has crashed or begins anew,
 * without its time; NULL: there is none. */
const char *virtualbox_find_end(const char *text, size_t *out_length);

/* The VM exits of all vCPUs so far, from what `VBoxManage debugvm NAME info exithistory` prints: a
 * list, the newest first, for each vCPU. 0, or -EBADMSG when there is no exit in it. */
int virtualbox_parse_exits(const char *text, size_t length, uint64_t *out_exits)
    __attribute__((warn_unused_result));
