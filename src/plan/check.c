/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * check: what no single key of a plan can know. A refusal says where the key at fault stands in the
 * plan file, or names the plan where an override brought it.
 */
#include <errno.h>
#include <string.h>

#include "base/strbuf.h"
#include "plan/form.h"

static int refuse(const struct plan *plan, enum form_key key, struct error *err, const char *format,
                  ...) __attribute__((format(printf, 4, 5)));

static int refuse(const struct plan *plan, enum form_key key, struct error *err, const char *format,
                  ...)
{
    const struct plan_form *form = (const struct plan_form *)plan;
    va_list ap;
    va_start(ap, format);
    CLEANUP_FREE char *why = mem_vprintf(format, ap);
    va_end(ap);
    unsigned line = form->lines[key];
    if (!line)
        return error_set(err, ERROR_USAGE, -EINVAL, "plan '%s': %s", plan->name, why);
    return error_set(err, ERROR_USAGE, -EINVAL, "%s: line %u: %s", form->file, line, why);
}

static int check_baseline(const struct plan *plan, struct error *err)
{
    const struct plan_form *form = (const struct plan_form *)plan;
    if (plan->baseline < plan->platform_count)
        return 0;
    CLEANUP_STRBUF struct strbuf names;
    strbuf_init(&names);
    for (size_t i = 0; i < plan->platform_count; i++)
        strbuf_addf(&names, "%s%s", i ? ", " : "", plan->platforms[i].name);
    return refuse(plan, form->baseline ? FORM_BASELINE : FORM_PLATFORMS, err,
                  "baseline '%s' is none of the platforms (%s): add it, or name another baseline",
                  form->baseline ? form->baseline : "native", names.text);
}

/* Whatever is compared needs something to be compared with. */
static int check_baseline_vms(const struct plan *plan, struct error *err)
{
    uint64_t most = plan_max_vms(&plan->platforms[plan->baseline]);
    for (size_t i = 0; i < plan->vms.count; i++)
        if (plan->vms.items[i] > most)
            return refuse(plan, FORM_VMS, err,
                          "%llu VMs are more than " PLAN_MAX_VMS " of '%s', which the others are "
                          "compared with",
                          (unsigned long long)plan->vms.items[i],
                          plan->platforms[plan->baseline].name);
    return 0;
}

static int check_until(const struct plan *plan, struct error *err)
{
    if (plan->until.ci > 0 && plan->until.max_blocks == 0 && plan->until.budget_ns == 0)
        return refuse(plan, FORM_UNTIL_CI, err,
                      "until needs an end for the case that the interval stays wide: give "
                      "max-blocks or budget as well");
    return 0;
}

static int check_image(const struct plan *plan, struct error *err)
{
    if (plan->root && !plan->image)
        return refuse(plan, FORM_ROOT, err,
                      "root '%s' needs an image of your own: the built-in one has its root",
                      plan->root);
    for (size_t i = 0; plan->image && !plan->root && i < plan->platform_count; i++)
        if (!strcmp(plan->platforms[i].kind->name, "native"))
            return refuse(plan, FORM_IMAGE, err,
                          "platform '%s' cannot run image '%s': name a root file system with "
                          "the same programs by root, or leave the platform out",
                          plan->platforms[i].name, plan->image);
    return 0;
}

static int check_cells(const struct plan *plan, struct error *err)
{
    /* Lists are bounded (OPTION_LIST_MAX, PLAN_ENTRIES_MAX), so this does not overflow. */
    uint64_t cells = (uint64_t)plan->platform_count * plan->workload_count * plan->vms.count *
                     plan->vcpus.count * plan->memory_bytes.count;
    if (cells <= PLAN_CELLS_MAX)
        return 0;
    return refuse(plan, FORM_VMS, err,
                  "platforms x workloads x vms x vcpus x memory gives %llu combinations, more "
                  "than %d",
                  (unsigned long long)cells, PLAN_CELLS_MAX);
}

static int check_settings(const struct plan *plan, enum form_key key,
                          const struct plan_entry *entries, size_t count, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        struct error why = {0};
        if (entries[i].kind->check && entries[i].kind->check(entries[i].options, &why) < 0)
            return refuse(plan, key, err, "%s '%s': %s",
                          key == FORM_PLATFORMS ? "platform" : "workload", entries[i].name,
                          why.text);
    }
    return 0;
}

int plan_check(const struct plan *plan, struct error *err)
{
    int rc = check_baseline(plan, err);
    if (rc == 0)
        rc = check_baseline_vms(plan, err);
    if (rc == 0)
        rc = check_until(plan, err);
    if (rc == 0)
        rc = check_image(plan, err);
    if (rc == 0)
        rc = check_settings(plan, FORM_PLATFORMS, plan->platforms, plan->platform_count, err);
    if (rc == 0)
        rc = check_settings(plan, FORM_WORKLOADS, plan->workloads, plan->workload_count, err);
    if (rc == 0)
        rc = check_cells(plan, err);
    return rc;
}
