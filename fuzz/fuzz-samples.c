/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Reads bytes as a file of samples; what was read is resolved and written, and no instruction is
 * lost on the way.
 */
#include "fuzz.h"

#include "profile/write.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_SAMPLES struct samples samples = {0};
    if (samples_parse(bytes, length, &samples, NULL) < 0)
        return 0;
    CLEANUP_STRBUF struct strbuf text;
    strbuf_init(&text);
    struct library *library = library_new();
    const struct resolve_input input = {.samples = &samples, .library = library};
    struct resolve_result result;
    resolve_samples(&input, &result);
    uint64_t sum = 0;
    for (size_t i = 0; i < samples.count; i++)
        sum += samples.items[i].sample.weight * samples.period;
    FUZZ_REQUIRE(result.instructions == sum && result.top->total == sum);
    const struct write_profile profile = {.title = "fuzz", .samples = &samples, .result = &result};
    write_text(&text, &profile);
    write_folded(&text, &profile);
    write_speedscope(&text, &profile);
    write_html(&text, &profile);
    resolve_result_done(&result);
    library_free(library);
    return 0;
}
