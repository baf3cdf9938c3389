/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "report/label.h"

#include <string.h>

#include "base/strbuf.h"
#include "base/units.h"

struct label_variety label_variety_of(const struct report *report)
{
    struct label_variety variety = {false, false};
    const struct store_campaign *campaign = &report->campaign;
    for (size_t i = 1; i < campaign->cell_count; i++) {
        variety.vcpus |= campaign->cells[i].vcpus != campaign->cells[0].vcpus;
        variety.memory |= campaign->cells[i].memory_bytes != campaign->cells[0].memory_bytes;
    }
    return variety;
}

char *label_of_size(const struct label_variety *variety, const struct store_cell *cell)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    strbuf_addf(&buf, "%u", cell->vms);
    if (variety->vcpus)
        strbuf_addf(&buf, "x%u", cell->vcpus);
    char text[UNITS_TEXT_MAX];
    if (variety->memory)
        strbuf_addf(&buf, " %s", units_format_size(cell->memory_bytes, text));
    return strbuf_take(&buf);
}

const char *label_of_size_heading(const struct label_variety *variety)
{
    if (variety->vcpus)
        return variety->memory ? "VMsxCPU mem" : "VMsxCPU";
    return variety->memory ? "VMs mem" : "VMs";
}

char *label_of_cell(const struct store_cell *cell)
{
    char text[UNITS_TEXT_MAX];
    return mem_printf("%s on %s, %u VM%s x %u vCPU%s, %s", cell->workload, cell->platform,
                      cell->vms, cell->vms == 1 ? "" : "s", cell->vcpus,
                      cell->vcpus == 1 ? "" : "s", units_format_size(cell->memory_bytes, text));
}

char *label_of_subject(const struct report *report, const struct store_cell *cell)
{
    CLEANUP_STRBUF struct strbuf buf;
    strbuf_init(&buf);
    bool is_native = strcmp(cell->platform_kind, "native") == 0;
    strbuf_addf(&buf, "%u %s %s%s", cell->vms, cell->platform, is_native ? "instance" : "VM",
                cell->vms == 1 ? "" : "s");
    struct label_variety variety = label_variety_of(report);
    if (variety.vcpus)
        strbuf_addf(&buf, " with %u vCPU%s", cell->vcpus, cell->vcpus == 1 ? "" : "s");
    char text[UNITS_TEXT_MAX];
    if (variety.memory)
        strbuf_addf(&buf, "%s%s", variety.vcpus ? " and " : " with ",
                    units_format_size(cell->memory_bytes, text));
    return strbuf_take(&buf);
}

char *label_of_end(const struct store_campaign *campaign)
{
    if (campaign->complete)
        return mem_strdup("complete");
    if (!campaign->end_ns)
        return mem_strdup("not ended");
    return mem_printf("ended early: %s", campaign->end_cause ? campaign->end_cause : "?");
}

const struct store_cell *label_find_cell(const struct report *report, int64_t cell_id)
{
    for (size_t i = 0; i < report->campaign.cell_count; i++)
        if (report->campaign.cells[i].id == cell_id)
            return &report->campaign.cells[i];
    return NULL;
}

const struct store_metric *label_find_metric(const struct report *report,
                                             const struct store_cell *cell, const char *name)
{
    for (size_t i = 0; i < report->campaign.metric_count; i++) {
        const struct store_metric *metric = &report->campaign.metrics[i];
        if (strcmp(metric->workload, cell->workload) == 0 && strcmp(metric->name, name) == 0)
            return metric;
    }
    return NULL;
}
