/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "machine/qemu_log.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static const char message_mark[] = "qemu-system-x86_64: ";
static const char unknown[] = "killed from outside, or the guest powered off";
static const char reason_mark[] = "shutting down, reason=";

/* The rest of its line; the end of text where there is none. */
struct span {
    const char *at;
    size_t length;
};

/* Behind the mark in the last line that has it. */
static bool find_last(const char *text, const char *mark, struct span *out_span)
{
    const char *last = NULL;
    for (const char *at = text; (at = strstr(at, mark)); at += strlen(mark))
        last = at + strlen(mark);
    if (last)
        *out_span = (struct span){last, strcspn(last, "\n")};
    return last;
}

bool qemu_log_has_reason(const char *text)
{
    return strstr(text, reason_mark);
}

static const char *explain_reason(const struct span *reason)
{
    static const struct {
        const char *word, *meaning;
    } reasons[] = {
        {"shutdown", "the guest powered off or reset itself"},
        {"destroyed", "it was ended"},
        {"crashed", "the guest crashed, or QEMU was killed from outside"},
        {"failed", "libvirt could not start it"},
    };
    for (size_t i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
        if (reason->length == strlen(reasons[i].word) &&
            memcmp(reason->at, reasons[i].word, reason->length) == 0)
            return reasons[i].meaning;
    return "libvirt gives no reason that is known";
}

/* libvirt, which is in this process, ends QEMU when the guest has powered off. */
static bool is_ended_by(const struct span *message, pid_t pid)
{
    CLEANUP_FREE char *words = mem_printf("terminating on signal 15 from pid %d ", (int)pid);
    return strncmp(message->at, words, strlen(words)) == 0;
}

char *qemu_log_explain(const char *text, pid_t own)
{
    struct span message = {"", 0}, reason;
    bool has_message = find_last(text, message_mark, &message) && !is_ended_by(&message, own);
    bool has_reason = find_last(text, reason_mark, &reason);
    const char *meaning = has_reason ? explain_reason(&reason) : unknown;
    if (!has_message)
        return mem_strdup(meaning);
    return mem_printf("%s; it said: %.*s", meaning, (int)message.length, message.at);
}

/* As kvm_cpu_exec() and what it calls print them (QEMU's accel/kvm/kvm-all.c and
 * target/i386/kvm/kvm.c): bare, without the program's name, and with the guest's registers in the
 * lines behind. */
char *qemu_log_find_stop(const char *text)
{
    static const char *const marks[] = {"KVM internal error. Suberror: ", "error: kvm run failed ",
                                        "KVM: entry failed, hardware error ",
                                        "KVM: unknown exit, hardware reason "};
    struct span last = {NULL, 0};
    for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
        struct span rest;
        if (!find_last(text, marks[i], &rest) || (last.at && rest.at < last.at))
            continue;
        size_t mark = strlen(marks[i]);
        last = (struct span){rest.at - mark, rest.length + mark};
    }
    return last.at ? mem_strndup(last.at, last.length) : NULL;
}
