/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * format: the file of samples that vtax-pmu.so writes and `vtax report --profile` reads, version 1.
 * All fields are little-endian, every record is a multiple of eight bytes long. A file whose writer
 * was killed is cut anywhere; what comes before the cut is good.
 *
 *   file   = header record*
 *   record = struct profile_record, of `bytes` bytes with what follows it:
 *     PROFILE_RECORD_SAMPLE  struct profile_sample, then profile_caller * any
 *     PROFILE_RECORD_VM      struct profile_vm: for each VM, and again when something in it changed
 *     PROFILE_RECORD_TOTAL   struct profile_total: one for each vCPU, last
 *
 * The records of one vCPU are in the order of its time; those of several are mixed. A reader skips
 * records of a kind that it does not know.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define PROFILE_MAGIC "vtaxSMP1"
#define PROFILE_VERSION 1

enum { PROFILE_PAGE_BYTES = 4096, PROFILE_CALLERS_MAX = 4, PROFILE_RECORD_MAX = 256 };

enum profile_record_kind { PROFILE_RECORD_SAMPLE = 1, PROFILE_RECORD_VM, PROFILE_RECORD_TOTAL };

struct profile_header {
    char magic[8];
    uint32_t version;
    uint32_t bytes;  /* of this header */
    uint64_t period; /* instructions from one sample of a vCPU to the next */
    uint32_t vcpus;
    uint32_t zero;
};

struct profile_record {
    uint16_t kind;
    uint16_t bytes;
};

/* What could be read of the stack. */
enum profile_stack {
    PROFILE_STACK_READ,     /* the callers are what was found, most likely first */
    PROFILE_STACK_LEFT,     /* the CPU had left this privilege level or world meanwhile */
    PROFILE_STACK_NO_LONG,  /* no 64-bit paging: real mode, or a 32-bit guest */
    PROFILE_STACK_UNMAPPED, /* the stack pointer leads nowhere */
    PROFILE_STACK_COUNT
};

/* The instruction with which one more period was full. */
struct profile_sample {
    struct profile_record record;
    uint8_t bucket; /* enum pmu_bucket */
    uint8_t stack;  /* enum profile_stack */
    uint16_t vcpu;
    uint32_t vm;     /* of a profile_vm; 0: the hypervisor */
    uint32_t weight; /* periods that it stands for: 1, but for periods shorter than a block */
    uint64_t space;  /* CR3 */
    uint64_t ip;     /* linear address; of user code the low 12 bits, the rest can be that of
                        another process with the same memory: the page tells where it is */
    uint64_t page;   /* profile_page_hash() of its page of user code; 0: kernel, or not read */
};

enum profile_caller_kind {
    PROFILE_CALLER_STACK, /* a word on the stack that points behind a call */
    PROFILE_CALLER_FRAME, /* the return address of the frame that RBP points to */
};

struct profile_caller {
    uint64_t address; /* the return address */
    uint64_t target;  /* of a direct call; 0: an indirect one */
    uint64_t page;    /* as in the sample, of the page with the call's last byte */
    uint64_t kind;    /* enum profile_caller_kind */
};

/* One life of a virtual CPU, from its reset to the next or to the end. */
struct profile_vm {
    struct profile_record record;
    uint32_t vm;     /* 1, 2, ... */
    uint64_t vmcb;   /* physical address of its control block */
    uint64_t nested; /* root of its nested page tables; the vCPUs of one VM share it; 0: none */
    uint64_t entry;  /* its kernel's entry point for system calls (LSTAR); 0: not set yet */
};

struct profile_total {
    struct profile_record record;
    uint32_t vcpu;
    uint64_t retired[4]; /* instructions by bucket */
    uint64_t samples;    /* sum of their weights */
    uint64_t lost;       /* of these, in records that could not be written */
};

/* Says which page of which file it is: code of programs is mapped as it is in the file. Never 0. */
static inline uint64_t profile_page_hash(const uint8_t page[PROFILE_PAGE_BYTES])
{
    uint64_t hash = 0x9e3779b97f4a7c15;
    for (size_t i = 0; i < PROFILE_PAGE_BYTES; i += 8) {
        uint64_t word; /* little-endian, as everything here */
        memcpy(&word, page + i, sizeof(word));
        hash = (hash ^ word) * 0xff51afd7ed558ccd;
        hash ^= hash >> 32;
    }
    return hash ? hash : 1;
}
