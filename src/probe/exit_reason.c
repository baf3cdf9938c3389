/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exit_reason.h"

#include <cpuid.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

const char *const exit_class_names[EXIT_CLASS_COUNT] = {
    [EXIT_IDLE] = "idle",
    [EXIT_INTERRUPT] = "interrupts",
    [EXIT_TRANSLATION] = "translation",
    [EXIT_DEVICE] = "device access",
    [EXIT_OTHER] = "other exits",
};

struct exit_row {
    uint32_t reason;
    const char *name;
    enum exit_class class;
};

static const struct exit_row intel[] = {
    {0, "exception-or-nmi", EXIT_OTHER},
    {1, "external-interrupt", EXIT_INTERRUPT},
    {2, "triple-fault", EXIT_OTHER},
    {3, "init", EXIT_OTHER},
    {4, "sipi", EXIT_OTHER},
    {7, "interrupt-window", EXIT_INTERRUPT},
    {8, "nmi-window", EXIT_INTERRUPT},
    {9, "task-switch", EXIT_OTHER},
    {10, "cpuid", EXIT_OTHER},
    {12, "hlt", EXIT_IDLE},
    {13, "invd", EXIT_OTHER},
    {14, "invlpg", EXIT_TRANSLATION},
    {15, "rdpmc", EXIT_OTHER},
    {16, "rdtsc", EXIT_OTHER},
    {18, "vmcall", EXIT_OTHER},
    {19, "vmclear", EXIT_OTHER},
    {20, "vmlaunch", EXIT_OTHER},
    {21, "vmptrld", EXIT_OTHER},
    {22, "vmptrst", EXIT_OTHER},
    {23, "vmread", EXIT_OTHER},
    {24, "vmresume", EXIT_OTHER},
    {25, "vmwrite", EXIT_OTHER},
    {26, "vmxoff", EXIT_OTHER},
    {27, "vmxon", EXIT_OTHER},
    {28, "cr-access", EXIT_TRANSLATION},
    {29, "dr-access", EXIT_OTHER},
    {30, "io", EXIT_DEVICE},
    {31, "msr-read", EXIT_OTHER},
    {32, "msr-write", EXIT_OTHER},
    {31 | EXIT_FOR_APIC, "msr-read-apic", EXIT_INTERRUPT},
    {32 | EXIT_FOR_APIC, "msr-write-apic", EXIT_INTERRUPT},
    {33, "invalid-state", EXIT_OTHER},
    {36, "mwait", EXIT_IDLE},
    {37, "monitor-trap", EXIT_OTHER},
    {39, "monitor", EXIT_OTHER},
    {40, "pause", EXIT_OTHER},
    {43, "tpr-below-threshold", EXIT_INTERRUPT},
    {44, "apic-access", EXIT_INTERRUPT},
    {45, "eoi-induced", EXIT_INTERRUPT},
    {46, "gdtr-idtr", EXIT_OTHER},
    {47, "ldtr-tr", EXIT_OTHER},
    {48, "ept-violation", EXIT_TRANSLATION},
    {49, "ept-misconfig", EXIT_DEVICE},
    {50, "invept", EXIT_TRANSLATION},
    {51, "rdtscp", EXIT_OTHER},
    {52, "preemption-timer", EXIT_INTERRUPT},
    {53, "invvpid", EXIT_TRANSLATION},
    {54, "wbinvd", EXIT_OTHER},
    {55, "xsetbv", EXIT_OTHER},
    {56, "apic-write", EXIT_INTERRUPT},
    {57, "rdrand", EXIT_OTHER},
    {58, "invpcid", EXIT_TRANSLATION},
    {59, "vmfunc", EXIT_OTHER},
    {60, "encls", EXIT_OTHER},
    {61, "rdseed", EXIT_OTHER},
    {62, "pml-full", EXIT_TRANSLATION},
    {63, "xsaves", EXIT_OTHER},
    {64, "xrstors", EXIT_OTHER},
    {67, "umwait", EXIT_OTHER},
    {68, "tpause", EXIT_OTHER},
    {74, "bus-lock", EXIT_OTHER},
    {75, "notify", EXIT_OTHER},
};

static const struct exit_row amd[] = {
    {0x000, "read-cr0", EXIT_OTHER},
    {0x002, "read-cr2", EXIT_TRANSLATION},
    {0x003, "read-cr3", EXIT_TRANSLATION},
    {0x004, "read-cr4", EXIT_OTHER},
    {0x008, "read-cr8", EXIT_OTHER},
    {0x010, "write-cr0", EXIT_TRANSLATION},
    {0x012, "write-cr2", EXIT_TRANSLATION},
    {0x013, "write-cr3", EXIT_TRANSLATION},
    {0x014, "write-cr4", EXIT_TRANSLATION},
    {0x018, "write-cr8", EXIT_INTERRUPT},
    {0x020, "read-dr0", EXIT_OTHER},
    {0x021, "read-dr1", EXIT_OTHER},
    {0x022, "read-dr2", EXIT_OTHER},
    {0x023, "read-dr3", EXIT_OTHER},
    {0x024, "read-dr4", EXIT_OTHER},
    {0x025, "read-dr5", EXIT_OTHER},
    {0x026, "read-dr6", EXIT_OTHER},
    {0x027, "read-dr7", EXIT_OTHER},
    {0x030, "write-dr0", EXIT_OTHER},
    {0x031, "write-dr1", EXIT_OTHER},
    {0x032, "write-dr2", EXIT_OTHER},
    {0x033, "write-dr3", EXIT_OTHER},
    {0x034, "write-dr4", EXIT_OTHER},
    {0x035, "write-dr5", EXIT_OTHER},
    {0x036, "write-dr6", EXIT_OTHER},
    {0x037, "write-dr7", EXIT_OTHER},
    {0x040, "exception-de", EXIT_OTHER},
    {0x041, "exception-db", EXIT_OTHER},
    {0x043, "exception-bp", EXIT_OTHER},
    {0x044, "exception-of", EXIT_OTHER},
    {0x045, "exception-br", EXIT_OTHER},
    {0x046, "exception-ud", EXIT_OTHER},
    {0x047, "exception-nm", EXIT_OTHER},
    {0x048, "exception-df", EXIT_OTHER},
    {0x04a, "exception-ts", EXIT_OTHER},
    {0x04b, "exception-np", EXIT_OTHER},
    {0x04c, "exception-ss", EXIT_OTHER},
    {0x04d, "exception-gp", EXIT_OTHER},
    {0x04e, "exception-pf", EXIT_TRANSLATION},
    {0x050, "exception-mf", EXIT_OTHER},
    {0x051, "exception-ac", EXIT_OTHER},
    {0x052, "exception-mc", EXIT_OTHER},
    {0x053, "exception-xf", EXIT_OTHER},
    {0x060, "interrupt", EXIT_INTERRUPT},
    {0x061, "nmi", EXIT_INTERRUPT},
    {0x062, "smi", EXIT_INTERRUPT},
    {0x063, "init", EXIT_OTHER},
    {0x064, "vintr", EXIT_INTERRUPT},
    {0x065, "cr0-sel-write", EXIT_OTHER},
    {0x066, "read-idtr", EXIT_OTHER},
    {0x067, "read-gdtr", EXIT_OTHER},
    {0x068, "read-ldtr", EXIT_OTHER},
    {0x069, "read-tr", EXIT_OTHER},
    {0x06a, "write-idtr", EXIT_OTHER},
    {0x06b, "write-gdtr", EXIT_OTHER},
    {0x06c, "write-ldtr", EXIT_OTHER},
    {0x06d, "write-tr", EXIT_OTHER},
    {0x06e, "rdtsc", EXIT_OTHER},
    {0x06f, "rdpmc", EXIT_OTHER},
    {0x070, "pushf", EXIT_OTHER},
    {0x071, "popf", EXIT_OTHER},
    {0x072, "cpuid", EXIT_OTHER},
    {0x073, "rsm", EXIT_OTHER},
    {0x074, "iret", EXIT_INTERRUPT},
    {0x075, "swint", EXIT_OTHER},
    {0x076, "invd", EXIT_OTHER},
    {0x077, "pause", EXIT_OTHER},
    {0x078, "hlt", EXIT_IDLE},
    {0x079, "invlpg", EXIT_TRANSLATION},
    {0x07a, "invlpga", EXIT_TRANSLATION},
    {0x07b, "io", EXIT_DEVICE},
    {0x07c, "msr", EXIT_OTHER},
    {0x07c | EXIT_FOR_APIC, "msr-apic", EXIT_INTERRUPT},
    {0x07d, "task-switch", EXIT_OTHER},
    {0x07e, "ferr-freeze", EXIT_OTHER},
    {0x07f, "shutdown", EXIT_OTHER},
    {0x080, "vmrun", EXIT_OTHER},
    {0x081, "hypercall", EXIT_OTHER},
    {0x082, "vmload", EXIT_OTHER},
    {0x083, "vmsave", EXIT_OTHER},
    {0x084, "stgi", EXIT_OTHER},
    {0x085, "clgi", EXIT_OTHER},
    {0x086, "skinit", EXIT_OTHER},
    {0x087, "rdtscp", EXIT_OTHER},
    {0x088, "icebp", EXIT_OTHER},
    {0x089, "wbinvd", EXIT_OTHER},
    {0x08a, "monitor", EXIT_OTHER},
    {0x08b, "mwait", EXIT_IDLE},
    {0x08c, "mwait-armed", EXIT_IDLE},
    {0x08d, "xsetbv", EXIT_OTHER},
    {0x08e, "rdpru", EXIT_OTHER},
    {0x0a2, "invpcid", EXIT_TRANSLATION},
    {0x0a5, "bus-lock", EXIT_OTHER},
    {0x0a6, "idle-hlt", EXIT_IDLE},
    {0x400, "npf", EXIT_TRANSLATION},
    {0x400 | EXIT_FOR_DEVICE, "npf-mmio", EXIT_DEVICE},
    {0x401, "avic-incomplete-ipi", EXIT_INTERRUPT},
    {0x402, "avic-unaccelerated", EXIT_INTERRUPT},
    {0x403, "vmgexit", EXIT_OTHER},
};

uint32_t exit_isa_here(void)
{
    uint32_t last, vendor[3] = {0};
    if (!__get_cpuid(0, &last, &vendor[0], &vendor[2], &vendor[1]))
        return EXIT_ISA_INTEL;
    bool is_amd = memcmp(vendor, "AuthenticAMD", sizeof(vendor)) == 0 ||
                  memcmp(vendor, "HygonGenuine", sizeof(vendor)) == 0;
    return is_amd ? EXIT_ISA_AMD : EXIT_ISA_INTEL;
}

uint32_t exit_reason_of_fields(uint32_t isa, uint32_t field, uint32_t info)
{
    if (isa != EXIT_ISA_AMD)
        return field & EXIT_INTEL_REASON_MASK;
    bool is_of_device = field == EXIT_AMD_NESTED_FAULT && (info & EXIT_FAULT_RESERVED);
    return is_of_device ? field | EXIT_FOR_DEVICE : field;
}

uint32_t exit_reason_for_apic(uint32_t isa, uint32_t reason)
{
    bool is_msr = isa == EXIT_ISA_AMD
                      ? reason == EXIT_AMD_MSR
                      : reason == EXIT_INTEL_READ_MSR || reason == EXIT_INTEL_WRITE_MSR;
    return is_msr ? reason | EXIT_FOR_APIC : reason;
}

static const struct exit_row *find(uint32_t isa, uint32_t reason)
{
    const struct exit_row *rows = isa == EXIT_ISA_AMD ? amd : intel;
    size_t count = isa == EXIT_ISA_AMD ? COUNT_OF(amd) : COUNT_OF(intel);
    for (size_t i = 0; i < count; i++)
        if (rows[i].reason == reason)
            return &rows[i];
    return NULL;
}

const char *exit_reason_name(uint32_t isa, uint32_t reason)
{
    const struct exit_row *row = find(isa, reason);
    return row ? row->name : NULL;
}

enum exit_class exit_reason_class(uint32_t isa, uint32_t reason)
{
    const struct exit_row *row = find(isa, reason);
    return row ? row->class : EXIT_OTHER;
}

enum exit_class exit_reason_class_of(const char *name)
{
    for (size_t i = 0; i < COUNT_OF(amd); i++)
        if (strcmp(amd[i].name, name) == 0)
            return amd[i].class;
    for (size_t i = 0; i < COUNT_OF(intel); i++)
        if (strcmp(intel[i].name, name) == 0)
            return intel[i].class;
    return EXIT_OTHER;
}
