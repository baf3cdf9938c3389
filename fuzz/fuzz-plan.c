/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * Plans: what parses and passes its check has a canonical form that parses back to itself.
 */
#include "fuzz.h"

#include <string.h>

#include "../tests/unit/plan-vocabulary.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t length)
{
    CLEANUP_PLAN struct plan *plan = NULL, *back = NULL;
    struct error err = {0};
    if (plan_parse((const char *)bytes, length, "x.yaml", &test_vocabulary, &plan, &err) < 0) {
        FUZZ_REQUIRE(err.kind == ERROR_USAGE && !strncmp(err.text, "x.yaml: ", 8));
        return 0;
    }
    if (plan_check(plan, NULL) < 0)
        return 0;
    CLEANUP_FREE char *text = plan_format(plan);
    FUZZ_REQUIRE(plan_parse(text, strlen(text), "x.yaml", &test_vocabulary, &back, &err) == 0);
    CLEANUP_FREE char *again = plan_format(back);
    FUZZ_REQUIRE(!strcmp(text, again));
    return 0;
}
