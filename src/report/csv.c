/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Every raw sample, one in a row, RFC 4180. Trials without samples have one row with an empty
 * metric, so that a failure is not lost on the way. Those that an emulated server's clock took say
 * so.
 */
#include <inttypes.h>

#include "report/escape.h"
#include "report/format.h"
#include "report/label.h"

static const char heading[] =
    "campaign_id,campaign,trial_id,block,position,status,cause,platform,platform_kind,workload,"
    "parameters,vms,vcpus,memory_bytes,machine,metric,value,unit,emulated\r\n";

static void add_field(struct strbuf *buf, const char *text)
{
    escape_csv(buf, text ? text : "");
    strbuf_addc(buf, ',');
}

/* The fields that all samples of a trial share, with the comma behind the last. */
static void format_common(const struct report *report, const struct store_trial *trial,
                          struct strbuf *buf)
{
    const struct store_cell *cell = label_find_cell(report, trial->cell_id);
    strbuf_addf(buf, "%" PRId64 ",", report->campaign.id);
    add_field(buf, report->campaign.name);
    strbuf_addf(buf, "%" PRId64 ",%" PRIu64 ",%zu,%s,", trial->id, trial->block, trial->position,
                trial_status_names[trial->status]);
    add_field(buf, trial->cause);
    add_field(buf, cell ? cell->platform : NULL);
    add_field(buf, cell ? cell->platform_kind : NULL);
    add_field(buf, cell ? cell->workload : NULL);
    add_field(buf, cell ? cell->parameters : NULL);
    strbuf_addf(buf, "%u,%u,%" PRIu64 ",", cell ? cell->vms : 0, cell ? cell->vcpus : 0,
                cell ? cell->memory_bytes : 0);
}

/* "metric," and ",unit" of the metrics that a trial's samples are of; a trial has few. */
struct metric_fields {
    const char *name; /* as the samples point to it */
    struct strbuf metric;
    struct strbuf unit;
};

static void set_metric(struct metric_fields *fields, const struct report *report,
                       const struct store_trial *trial, const char *name)
{
    const struct store_cell *cell = label_find_cell(report, trial->cell_id);
    const struct store_metric *metric = cell ? label_find_metric(report, cell, name) : NULL;
    fields->name = name;
    strbuf_truncate(&fields->metric, 0);
    strbuf_truncate(&fields->unit, 0);
    add_field(&fields->metric, name);
    escape_csv(&fields->unit, metric ? metric->unit : "");
}

static void put_trial(const struct report *report, const struct store_trial *trial,
                      struct metric_fields *fields, FILE *stream)
{
    CLEANUP_STRBUF struct strbuf common;
    strbuf_init(&common);
    format_common(report, trial, &common);
    const char *emulated = report->emulated ? "yes" : "no";
    fields->name = NULL; /* a unit may differ from workload to workload */
    if (trial->sample_count == 0)
        fprintf(stream, "%s,,,,%s\r\n", common.text, emulated);
    for (size_t i = 0; i < trial->sample_count; i++) {
        const struct store_sample *sample = &trial->samples[i];
        if (sample->metric != fields->name)
            set_metric(fields, report, trial, sample->metric);
        fwrite(common.text, 1, common.length, stream);
        fprintf(stream, "%u,%s%.17g,%s,%s\r\n", sample->machine, fields->metric.text, sample->value,
                fields->unit.text, emulated);
    }
}

void format_csv(const struct report *report, const struct report_style *style, FILE *stream)
{
    (void)style;
    struct metric_fields fields = {0};
    strbuf_init(&fields.metric);
    strbuf_init(&fields.unit);
    fputs(heading, stream);
    for (size_t i = 0; report_part(report, i); i++)
        for (size_t j = 0; j < report_part(report, i)->trial_count; j++)
            put_trial(report_part(report, i), &report_part(report, i)->trials[j], &fields, stream);
    strbuf_done(&fields.metric);
    strbuf_done(&fields.unit);
}
