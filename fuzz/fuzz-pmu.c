/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as a program of register accesses, events and world switches over a VMCB whose
 * content the bytes decide too: whatever a guest or a hypervisor writes, registers hold what
 * registers can.
 */
#include "fuzz.h"

#include <string.h>

#include "pmu/world.h"

struct input {
    const uint8_t *bytes;
    size_t length;
};

static uint64_t take(struct input *input, size_t bytes)
{
    uint64_t value = 0;
    for (size_t i = 0; i < bytes && input->length; i++) {
        value |= (uint64_t)*input->bytes++ << 8 * i;
        input->length--;
    }
    return value;
}

static void check(const struct pmu_cpu *cpu)
{
    const struct pmu *pmu = &cpu->pmu;
    for (unsigned i = 0; i < PMU_COUNTERS; i++) {
        FUZZ_REQUIRE(pmu->registers.counter[i] <= PMU_COUNTER_MASK);
        FUZZ_REQUIRE(!(pmu->registers.select[i] & ~pmu_select_writable()));
    }
    FUZZ_REQUIRE(pmu->registers.retired <= PMU_COUNTER_MASK);
    uint64_t global = pmu->registers.global_control | pmu->registers.global_status;
    FUZZ_REQUIRE(!(global & ~pmu_global_writable(pmu)));
    FUZZ_REQUIRE(pmu_distance(pmu) > 0);
    FUZZ_REQUIRE(cpu->in_guest || !cpu->switched);
}

static void access_msr(struct pmu_cpu *cpu, struct input *input)
{
    static const uint32_t bases[] = {0xC0010000, 0xC0010200, 0xC0000300, 0xC00000E9};
    uint32_t msr = bases[take(input, 1) % 4] + take(input, 1) % 16;
    uint64_t value = take(input, 8), before = 0, after = 0;
    bool had = pmu_read_msr(&cpu->pmu, msr, &before) == PMU_ACCESS_DONE;
    enum pmu_access access = pmu_write_msr(&cpu->pmu, msr, value);
    FUZZ_REQUIRE(had == (access != PMU_ACCESS_NONE));
    FUZZ_REQUIRE(had == pmu_has_msr(&cpu->pmu, msr));
    bool has = pmu_read_msr(&cpu->pmu, msr, &after) == PMU_ACCESS_DONE;
    FUZZ_REQUIRE(has == had);
    FUZZ_REQUIRE(access != PMU_ACCESS_FAULT || before == after);
}

static void happen(struct pmu_cpu *cpu, struct input *input, struct pmu_counts *now)
{
    unsigned bucket = 2 * cpu->in_guest + take(input, 1) % 2;
    for (unsigned i = 0; i < PMU_EVENT_COUNT; i++)
        now->events[bucket][i] += take(input, 4);
    if (pmu_cpu_advance(cpu, now))
        FUZZ_REQUIRE(!cpu->switched || cpu->guest.pmi_pending);
}

static void change_page(uint8_t *page, struct input *input)
{
    static const uint16_t offsets[] = {0x060, 0x0B8, 0x4E0, 0x5C0, PMU_VMCB_BLOCK, 0x00C};
    size_t offset = offsets[take(input, 1) % 6] + take(input, 1);
    pmu_vmcb_write64(page, offset, take(input, 8));
}

static void switch_world(struct pmu_cpu *cpu, uint8_t *page, const struct pmu_counts *now)
{
    struct pmu_outcome outcome =
        cpu->in_guest ? pmu_cpu_leave(cpu, page, now) : pmu_cpu_enter(cpu, page, 0x1000, now);
    FUZZ_REQUIRE(!outcome.refusal || (cpu->design == PMU_SWITCH_ARCHITECTURAL && !cpu->in_guest));
}

/* EFER.SVME, which a guest cannot be without, and HWCR.IRPerfEn. */
static void change_enables(struct pmu_cpu *cpu, struct input *input, const struct pmu_counts *now)
{
    uint64_t flags = take(input, 1);
    if (pmu_cpu_advance(cpu, now))
        FUZZ_REQUIRE(!cpu->switched || cpu->guest.pmi_pending);
    if (!cpu->in_guest)
        pmu_set_svm_enabled(&cpu->pmu, flags & 1);
    cpu->pmu.retired_enabled = flags & 2;
}

static void step(struct pmu_cpu *cpu, uint8_t *page, struct input *input, struct pmu_counts *now)
{
    switch (take(input, 1) % 5) {
    case 0:
        access_msr(cpu, input);
        break;
    case 1:
        happen(cpu, input, now);
        break;
    case 2:
        change_page(page, input);
        break;
    case 3:
        switch_world(cpu, page, now);
        break;
    case 4:
        change_enables(cpu, input, now);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    static uint8_t page[PMU_VMCB_BYTES];
    struct input input = {bytes, length};
    struct pmu_counts now = {0};
    struct pmu_cpu cpu;
    uint64_t flags = take(&input, 1);
    struct pmu_config config = {
        .core_extension = flags & 3,
        .perfmon_v2 = flags & 2,
        .retired = flags & 4,
        .clear_reserved = flags & 8,
        .cycles = pmu_cycle_fallback,
    };

    memset(page, 0, sizeof(page));
    pmu_cpu_init(&cpu, &config, (enum pmu_switch)(take(&input, 1) % 3));
    pmu_set_svm_enabled(&cpu.pmu, flags & 16);
    while (input.length) {
        step(&cpu, page, &input, &now);
        check(&cpu);
    }
    return 0;
}
