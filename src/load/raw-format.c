/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/raw-format.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/units.h"
#include "load/json.h"
#include "load/latency.h"
#include "stats/hdrlog.h"

void raw_format_json(const struct raw_options *options, const struct raw_result *result,
                     struct strbuf *buf)
{
    char authority[URL_AUTHORITY_BYTES];
    const struct url *url = &options->target->url;
    strbuf_adds(buf, "{\"format\":\"vtax-load\",\"version\":1,\"mode\":\"raw\",\"url\":\"");
    strbuf_adds(buf, url->tls ? "https://" : "http://");
    json_add_escaped(buf, url_format_authority(url, authority));
    json_add_escaped(buf, url->target);
    strbuf_addf(buf,
                "\",\"connections\":%" PRIu32 ",\"threads\":%" PRIu32 ",\"rate\":%.17g,"
                "\"loop\":\"%s\",\"insecure\":%s,\"interrupted\":%s,",
                options->connections, options->threads, options->rate_hz, result->loop,
                url->tls && options->insecure ? "true" : "false",
                result->interrupted ? "true" : "false");
    strbuf_addf(buf, "\"requests\":%" PRIu64 ",", result->requests);
    json_add_failures(buf, &result->failures);
    strbuf_addf(buf,
                ",\"requests_per_second\":%.3f,\"planned\":%" PRIu64 ",\"unsent\":%" PRIu64
                ",\"bytes\":%" PRIu64 ",\"body_bytes\":%" PRIu64 ",\"sent_bytes\":%" PRIu64
                ",\"connects\":%" PRIu64 ",\"duration_ns\":%" PRIu64 ",\"cpu_ns\":%" PRIu64 ",",
                raw_requests_per_s(result), result->planned, result->unsent, result->bytes,
                result->body_bytes, result->sent_bytes, result->connects, result->duration_ns,
                result->cpu_ns);
    json_add_latency(buf, "latency_raw_ns", &result->latency_raw);
    strbuf_adds(buf, ",");
    json_add_latency(buf, "latency_planned_ns", &result->latency_planned);
    strbuf_adds(buf, "}\n");
}

static void add_time(struct strbuf *buf, uint64_t ns)
{
    if (ns < NS_PER_MS)
        strbuf_addf(buf, " %7.1fus", (double)ns / 1e3);
    else if (ns < NS_PER_S)
        strbuf_addf(buf, " %7.2fms", (double)ns / 1e6);
    else
        strbuf_addf(buf, " %7.3fs ", (double)ns / 1e9);
}

static void add_latency(struct strbuf *buf, const char *name, const struct hdr *hdr)
{
    struct latency latency = latency_of(hdr);
    strbuf_addf(buf, "%-8s", name);
    add_time(buf, latency.min_ns);
    add_time(buf, latency.mean_ns);
    add_time(buf, latency.p50_ns);
    add_time(buf, latency.p90_ns);
    add_time(buf, latency.p99_ns);
    add_time(buf, latency.p999_ns);
    add_time(buf, latency.max_ns);
    strbuf_adds(buf, "\n");
}

static void add_failures(struct strbuf *buf, const struct raw_result *result)
{
    uint64_t total = load_failures_total(&result->failures);
    strbuf_addf(buf, "errors    %" PRIu64, total);
    const char *separator = " (";
    for (unsigned i = 0; i < LOAD_FAILURES; i++) {
        if (result->failures.counts[i] == 0)
            continue;
        strbuf_addf(buf, "%s%s %" PRIu64, separator, load_failure_name(i),
                    result->failures.counts[i]);
        separator = ", ";
    }
    strbuf_adds(buf, total > 0 ? ")\n" : "\n");
    if (result->tls_reason[0])
        strbuf_addf(buf, "TLS       %s\n", result->tls_reason);
}

void raw_format_text(const struct raw_options *options, const struct raw_result *result,
                     struct strbuf *buf)
{
    char elapsed[UNITS_TEXT_MAX];
    double seconds = (double)result->duration_ns / 1e9;
    strbuf_addf(buf, "%" PRIu32 " connections, %" PRIu32 " threads, %s, %s%s\n",
                options->connections, options->threads, result->loop,
                units_format_elapsed(result->duration_ns, elapsed),
                result->interrupted ? ", interrupted" : "");
    strbuf_addf(buf, "requests  %" PRIu64 " (%.1f/s)\n", result->requests,
                raw_requests_per_s(result));
    if (options->rate_hz > 0)
        strbuf_addf(buf,
                    "planned   %" PRIu64 " (%.1f/s), %" PRIu64
                    " of them not sent for want of a free connection\n",
                    result->planned, options->rate_hz, result->unsent);
    strbuf_addf(buf, "received  %" PRIu64 " bytes (%.2f MB/s), bodies %" PRIu64 "\n", result->bytes,
                seconds > 0 ? (double)result->bytes / 1e6 / seconds : 0, result->body_bytes);
    add_failures(buf, result);
    if (options->target->url.tls && options->insecure)
        strbuf_adds(buf, "insecure  the server's certificate was not verified\n");
    strbuf_addf(buf, "CPU       %.3f s, %.0f requests per CPU second\n",
                (double)result->cpu_ns / 1e9,
                result->cpu_ns ? (double)result->requests * 1e9 / (double)result->cpu_ns : 0);
    strbuf_adds(buf, "latency         min      mean       p50       p90       p99     p99.9       "
                     "max\n");
    add_latency(buf, "raw", &result->latency_raw);
    add_latency(buf, "planned", &result->latency_planned);
}

int raw_format_hdrlog(const struct raw_result *result, double start_s, struct strbuf *buf)
{
    const struct intervals_range range = {.start_s = start_s, .duration_ns = result->duration_ns};
    hdrlog_format_header(buf, start_s, "vtax load");
    return intervals_format(result->intervals, result->interval_count, &range, buf);
}
