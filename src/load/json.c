/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "load/json.h"

#include <inttypes.h>

#include "load/latency.h"

void json_add_escaped(struct strbuf *buf, const char *text)
{
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            strbuf_addf(buf, "\\%c", *text);
        else if ((unsigned char)*text < ' ')
            strbuf_addf(buf, "\\u%04x", (unsigned)*text);
        else
            strbuf_addc(buf, *text);
    }
}

void json_add_latency(struct strbuf *buf, const char *name, const struct hdr *hdr)
{
    struct latency latency = latency_of(hdr);
    strbuf_addf(buf,
                "\"%s\":{\"min\":%" PRIu64 ",\"mean\":%" PRIu64 ",\"p50\":%" PRIu64
                ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64 ",\"p999\":%" PRIu64 ",\"max\":%" PRIu64
                "}",
                name, latency.min_ns, latency.mean_ns, latency.p50_ns, latency.p90_ns,
                latency.p99_ns, latency.p999_ns, latency.max_ns);
}

void json_add_failures(struct strbuf *buf, const struct load_failures *failures)
{
    strbuf_adds(buf, "\"errors\":{");
    for (unsigned i = 0; i < LOAD_FAILURES; i++)
        strbuf_addf(buf, "%s\"%s\":%" PRIu64, i ? "," : "", load_failure_name(i),
                    failures->counts[i]);
    strbuf_adds(buf, "}");
}
