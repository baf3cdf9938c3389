/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "campaign/convert.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"
#include "base/digest.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "campaign/stopping.h"
#include "campaign/versions.h"
#include "probe/host.h"

static void add_figure(struct store_trial *trial, int machine, const char *name,
                       const struct machine_figure *before, const struct machine_figure *after)
{
    const char *missing = before->missing ? before->missing : after->missing;
    if (!missing && after->value < before->value)
        missing = "it went back: a thread that had been counted has ended";
    trial->figures =
        mem_resize_array(trial->figures, trial->figure_count + 1, sizeof(*trial->figures));
    trial->figures[trial->figure_count++] = (struct store_figure){
        .machine = machine,

        .name = name,
        .value = missing ? 0 : (double)(after->value - before->value),
        .missing = missing,
    };
}

void convert_usage(struct store_trial *trial, int machine, const struct machine_usage *before,
                   const struct machine_usage *after)
{
    static const struct {
        const char *name;
        size_t offset;
    } rows[] = {
        {"cpu_ns", offsetof(struct machine_usage, cpu_ns)},
        {"vcpu_run_ns", offsetof(struct machine_usage, vcpu_run_ns)},
        {"vcpu_wait_ns", offsetof(struct machine_usage, vcpu_wait_ns)},
        {"emulator_run_ns", offsetof(struct machine_usage, emulator_run_ns)},
        {"emulator_wait_ns", offsetof(struct machine_usage, emulator_wait_ns)},
        {"exits", offsetof(struct machine_usage, exits)},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++)
        add_figure(trial, machine, rows[i].name,
                   (const void *)((const char *)before + rows[i].offset),
                   (const void *)((const char *)after + rows[i].offset));
    for (size_t i = 0; i < before->exit_part_count && i < after->exit_part_count; i++) {
        struct machine_figure early = {.value = before->exit_parts[i].value};
        struct machine_figure late = {.value = after->exit_parts[i].value};
        if (strcmp(before->exit_parts[i].name, after->exit_parts[i].name) == 0)
            add_figure(trial, machine, after->exit_parts[i].name, &early, &late);
    }
}

/* The trial owns the texts from now on, not the array. */
static void take_texts(struct store_trial *trial, char *const *texts, size_t count)
{
    trial->texts =
        mem_resize_array(trial->texts, trial->text_count + count + 1, sizeof(*trial->texts));
    for (size_t i = 0; i < count; i++)
        trial->texts[trial->text_count++] = texts[i];
}

void convert_readings(struct store_trial *trial, struct probe_readings *readings)
{
    trial->readings = mem_array(readings->count, sizeof(*trial->readings));
    trial->reading_count = readings->count;
    for (size_t i = 0; i < readings->count; i++) {
        struct probe_reading *reading = &readings->items[i];
        trial->readings[i] = (struct store_figure){reading->machine, reading->name,
                                                   (double)reading->value, reading->missing};
        take_texts(trial, (char *[]){reading->name, reading->missing}, 2);
        reading->name = reading->missing = NULL;
    }
    probe_readings_done(readings);
}

static void take_figures(struct store_trial *trial, struct workload_run *run)
{
    size_t total = trial->figure_count + run->figure_count;
    trial->figures = mem_resize_array(trial->figures, total, sizeof(*trial->figures));
    for (size_t i = 0; i < run->figure_count; i++) {
        const struct workload_figure *figure = &run->figures[i];
        trial->figures[trial->figure_count++] =
            (struct store_figure){figure->machine, figure->name, figure->value, figure->missing};
    }
    take_texts(trial, run->texts, run->text_count);
    free(run->texts);
    run->texts = NULL;
    run->text_count = 0;
}

static void take_run_facts(struct store_trial *trial, struct workload_run *run)
{
    size_t total = trial->fact_count + run->fact_count;
    trial->facts = mem_resize_array(trial->facts, total, sizeof(*trial->facts));
    for (size_t i = 0; i < run->fact_count; i++)
        trial->facts[trial->fact_count++] =
            (struct store_fact){mem_strdup(run->facts[i].name), TAKE_PTR(run->facts[i].value)};
    run->fact_count = 0;
}

static void take_attachments(struct store_trial *trial, struct workload_run *run)
{
    trial->attachments = mem_array(run->attachment_count, sizeof(*trial->attachments));
    for (size_t i = 0; i < run->attachment_count; i++) {
        struct workload_attachment *attachment = &run->attachments[i];
        trial->attachments[trial->attachment_count++] = (struct store_attachment){
            .machine = attachment->machine,
            .name = mem_strdup(attachment->name),
            .encoding = mem_strdup(attachment->encoding),
            .bytes = TAKE_PTR(attachment->bytes),
            .length = attachment->length,
        };
    }
    run->attachment_count = 0;
}

void convert_samples(struct store_trial *trial, struct workload_run *run)
{
    trial->samples = mem_array(run->sample_count, sizeof(*trial->samples));
    trial->sample_count = run->sample_count;
    for (size_t i = 0; i < run->sample_count; i++)
        trial->samples[i] = (struct store_sample){
            .machine = run->samples[i].machine,
            .metric = run->workload->metrics[run->samples[i].metric].name,
            .value = run->samples[i].value,
        };
    take_figures(trial, run);
    take_run_facts(trial, run);
    take_attachments(trial, run);
}

/* Hands the facts over as the store's rows. */
static void take_facts(struct host_facts *facts, struct store_fact **out_facts, size_t *out_count)
{
    *out_facts = mem_array(facts->count, sizeof(**out_facts));
    *out_count = facts->count;
    for (size_t i = 0; i < facts->count; i++)
        (*out_facts)[i] = (struct store_fact){.name = TAKE_PTR(facts->items[i].name),
                                              .value = TAKE_PTR(facts->items[i].value)};
    host_facts_done(facts);
}

void convert_moment(struct store_trial *trial)
{
    struct host_facts facts = {0};
    host_read_moment("", &facts);
    take_facts(&facts, &trial->facts, &trial->fact_count);
}

static char *format_parameters(const struct plan_entry *entry)
{
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text);
    const struct option_table *table = &entry->kind->options;
    for (size_t i = 0; i < table->count; i++) {
        CLEANUP_FREE char *value = option_format(&table->options[i], entry->options);
        if (value)
            strbuf_addf(&text, "%s%s=%s", text.length ? " " : "", table->options[i].name, value);
    }
    return strbuf_take(&text);
}

static void convert_cell(const struct plan *plan, const struct plan_cell *cells, size_t count,
                         size_t index, struct store_cell *out_cell)
{
    const struct plan_cell *cell = &cells[index];
    const struct plan_entry *platform = &plan->platforms[cell->platform];
    const struct plan_entry *workload = &plan->workloads[cell->workload];
    *out_cell = (struct store_cell){
        .index = index,
        .platform = mem_strdup(platform->name),
        .platform_kind = mem_strdup(platform->kind->name),
        .workload = mem_strdup(workload->name),
        .workload_kind = mem_strdup(workload->kind->name),
        .parameters = format_parameters(workload),
        .vms = cell->vms,
        .vcpus = cell->vcpus,
        .memory_bytes = cell->memory_bytes,
        .is_baseline = cell->platform == plan->baseline,
        .baseline_index = plan_find_baseline(plan, cells, count, cell),
    };
}

static void add_metrics(const struct plan_entry *entry, struct store_campaign *campaign)
{
    const struct workload *workload = workload_find(entry->kind);
    size_t total = campaign->metric_count + workload->metric_count;
    campaign->metrics = mem_resize_array(campaign->metrics, total, sizeof(*campaign->metrics));
    for (size_t i = 0; i < workload->metric_count; i++) {
        const struct metric *metric = &workload->metrics[i];
        campaign->metrics[campaign->metric_count++] = (struct store_metric){
            .workload = mem_strdup(entry->name),
            .name = mem_strdup(metric->name),
            .unit = mem_strdup(metric->unit),
            .higher_is_better = metric->higher_is_better,
            .adds_up = metric->adds_up,
            .primary = metric->primary,
        };
    }
}

/* From these a report makes the looks again, and the level of its intervals with them. */
static void add_stopping_facts(const struct plan *plan, struct host_facts *facts)
{
    if (plan->until.ci == 0)
        return;
    host_facts_add(facts, "stopping.first-blocks", "%d", STOPPING_FIRST_BLOCKS);
    host_facts_add(facts, "stopping.max-blocks", "%" PRIu64, stopping_plan_max_blocks(plan));
    host_facts_add(facts, "stopping.level", "%g", STOPPING_LEVEL);
}

static void add_image_facts(const struct image *image, struct host_facts *facts)
{
    if (!image)
        return;
    host_facts_add(facts, "image.digest", "%s", image->digest);
    host_facts_add(facts, "image.kernel", "%s",
                   image->kernel_version ? image->kernel_version : "the image's own");
}

void convert_plan(const struct plan *plan, const struct plan_cell *cells, size_t cell_count,
                  const struct image *image, struct store_campaign *out_campaign)
{
    char *text = plan_format(plan);
    char digest[DIGEST_TEXT_BYTES];
    digest_bytes(text, strlen(text), digest);
    *out_campaign = (struct store_campaign){
        .name = mem_strdup(plan->name),
        .plan_text = text,
        .plan_digest = mem_strdup(digest),
        .seed = plan->seed,
        .start_ns = clock_realtime_ns(),
        .cells = mem_array(cell_count, sizeof(*out_campaign->cells)),
        .cell_count = cell_count,
    };
    for (size_t i = 0; i < cell_count; i++)
        convert_cell(plan, cells, cell_count, i, &out_campaign->cells[i]);
    for (size_t i = 0; i < plan->workload_count; i++)
        add_metrics(&plan->workloads[i], out_campaign);
    struct host_facts facts = {0};
    host_facts_add(&facts, "vtax.version", "%s", VTAX_VERSION);
    host_facts_add(&facts, "plan.digest", "%s", digest);
    host_read_facts("", &facts);
    versions_read(plan, &facts);
    add_stopping_facts(plan, &facts);
    add_image_facts(image, &facts);
    take_facts(&facts, &out_campaign->facts, &out_campaign->fact_count);
}
