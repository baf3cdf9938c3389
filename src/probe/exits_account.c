/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "probe/exits_account.h"

#include "base/mem.h"
#include "base/table.h"
#include "probe/exit_reason.h"

/* As many as the tables of BPF hold. */
#define THREADS_MAX 16384
#define SUMS_MAX 65536

/* What a thread is doing; NONE: not known, since events were lost. */
enum phase { PHASE_NONE, PHASE_GUEST, PHASE_KERNEL, PHASE_USER };

struct thread {
    uint32_t id;
    enum phase phase;
    bool is_off;      /* another has its CPU */
    bool is_for_apic; /* its next exit, of which KVM told before */
    uint64_t mark_ns; /* since when what it does now */
    uint64_t exit_ns;
    uint64_t kernel_ns;
    uint64_t user_ns;
    uint64_t off_ns;
    struct exits_key key;
};

struct item {
    struct exits_key key;
    struct exits_sum sum;
};

struct exits_account {
    struct table threads;
    struct table sums;
    unsigned blind; /* gaps that we are in */
    uint64_t lost;
    pid_t (*process_of)(pid_t thread, void *context);
    void *context;
};

struct exits_account *exits_account_new(pid_t (*process_of)(pid_t thread, void *context),
                                        void *context)
{
    struct exits_account *account = mem_zalloc(sizeof(*account));
    table_init(&account->threads, sizeof(struct thread), sizeof(uint32_t));
    table_init(&account->sums, sizeof(struct item), sizeof(struct exits_key));
    account->process_of = process_of;
    account->context = context;
    return account;
}

struct exits_account *exits_account_free(struct exits_account *account)
{
    if (!account)
        return NULL;
    table_done(&account->threads);
    table_done(&account->sums);
    free(account);
    return NULL;
}

/* Clocks of two CPUs may differ by a little: then nothing has passed. */
static uint64_t since_mark(struct thread *thread, uint64_t now_ns)
{
    if (now_ns <= thread->mark_ns)
        return 0;
    uint64_t passed_ns = now_ns - thread->mark_ns;
    thread->mark_ns = now_ns;
    return passed_ns;
}

static bool is_outside(const struct thread *thread)
{
    return thread && (thread->phase == PHASE_KERNEL || thread->phase == PHASE_USER);
}

/* Linux leaves out some of the switches from its idle thread (seen in 6.18, with nothing lost
 * from the buffer): who does something is on a CPU again though nobody told of it, and was on
 * none since it was switched out. */
static void add_time(struct thread *thread, uint64_t now_ns)
{
    uint64_t passed_ns = since_mark(thread, now_ns);
    if (thread->is_off)
        thread->off_ns += passed_ns;
    else if (thread->phase == PHASE_KERNEL)
        thread->kernel_ns += passed_ns;
    else
        thread->user_ns += passed_ns;
    thread->is_off = false;
}

/* NULL, and the exit is lost, when there is no room. */
static struct thread *find_or_add_thread(struct exits_account *account, uint32_t id)
{
    struct thread *thread = table_find(&account->threads, &id);
    if (!thread && account->threads.count < THREADS_MAX)
        thread = table_add(&account->threads, &id);
    if (!thread)
        account->lost++;
    else if (!thread->key.process)
        thread->key.process = (uint32_t)account->process_of((pid_t)id, account->context);
    return thread;
}

static void leave_guest(struct exits_account *account, const struct exits_event *event)
{
    if (account->blind) {
        account->lost++;
        return;
    }
    struct thread *thread = find_or_add_thread(account, event->thread);
    if (!thread)
        return;
    thread->phase = PHASE_KERNEL;
    thread->mark_ns = thread->exit_ns = event->time_ns;
    thread->kernel_ns = thread->user_ns = thread->off_ns = 0;
    thread->is_off = false;
    thread->key.isa = event->isa;
    thread->key.reason = exit_reason_of_fields(event->isa, event->reason, event->info);
    if (thread->is_for_apic)
        thread->key.reason = exit_reason_for_apic(event->isa, thread->key.reason);
    thread->is_for_apic = false;
}

static void access_msr(struct thread *thread, uint32_t msr)
{
    if (!thread || !exit_msr_is_of_apic(msr))
        return;
    if (is_outside(thread))
        thread->key.reason = exit_reason_for_apic(thread->key.isa, thread->key.reason);
    else
        thread->is_for_apic = true;
}

static void go_to_user(struct thread *thread, uint64_t now_ns)
{
    if (!thread || thread->phase != PHASE_KERNEL)
        return;
    add_time(thread, now_ns);
    thread->phase = PHASE_USER;
}

static void switch_threads(struct exits_account *account, const struct exits_event *event)
{
    struct thread *thread = table_find(&account->threads, &event->thread);
    struct thread *next = table_find(&account->threads, &event->next);
    if (is_outside(thread)) {
        add_time(thread, event->time_ns);
        thread->is_off = true;
    }
    if (is_outside(next)) {
        next->is_off = true; /* also where nobody told when that began */
        add_time(next, event->time_ns);
    }
}

static unsigned bucket_of(uint64_t passed_ns)
{
    unsigned bits = passed_ns ? 63 - (unsigned)__builtin_clzll(passed_ns) : 0;
    return bits < EXITS_BUCKETS ? bits : EXITS_BUCKETS - 1;
}

static void enter_guest(struct exits_account *account, struct thread *thread, uint64_t now_ns)
{
    if (!is_outside(thread))
        return;
    add_time(thread, now_ns);
    thread->phase = PHASE_GUEST;
    struct item *item = table_find(&account->sums, &thread->key);
    if (!item && account->sums.count < SUMS_MAX)
        item = table_add(&account->sums, &thread->key);
    if (!item) {
        account->lost++;
        return;
    }
    item->sum.count++;
    item->sum.kernel_ns += thread->kernel_ns;
    item->sum.user_ns += thread->user_ns;
    item->sum.off_ns += thread->off_ns;
    item->sum.buckets[bucket_of(thread->mark_ns - thread->exit_ns)]++;
}

/* Nothing is known of any thread: it may have been on the CPU whose events were lost, and it may
 * have ended there. */
static void go_blind(struct exits_account *account)
{
    if (account->blind++)
        return;
    for (struct thread *thread = table_next(&account->threads, NULL); thread;
         thread = table_next(&account->threads, thread)) {
        account->lost += is_outside(thread);
        thread->phase = PHASE_NONE;
        thread->is_for_apic = false;
        thread->key.process = 0;
    }
}

void exits_account_take(struct exits_account *account, const struct exits_event *event)
{
    switch ((enum exits_event_kind)event->kind) {
    case EXITS_LEAVE:
        leave_guest(account, event);
        break;
    case EXITS_USER:
        go_to_user(table_find(&account->threads, &event->thread), event->time_ns);
        break;
    case EXITS_ENTER:
        enter_guest(account, table_find(&account->threads, &event->thread), event->time_ns);
        break;
    case EXITS_SWITCH:
        switch_threads(account, event);
        break;
    case EXITS_END:
        table_remove(&account->threads, &event->thread);
        break;
    case EXITS_MSR:
        access_msr(table_find(&account->threads, &event->thread), event->msr);
        break;
    case EXITS_BLIND:
        go_blind(account);
        break;
    case EXITS_SEEING:
        account->blind -= account->blind > 0;
        break;
    }
}

void exits_account_each(const struct exits_account *account, pid_t process,
                        void (*found)(const struct exits_key *key, const struct exits_sum *sum,
                                      void *context),
                        void *context)
{
    for (const struct item *item = table_next(&account->sums, NULL); item;
         item = table_next(&account->sums, item))
        if (process == 0 || item->key.process == (uint32_t)process)
            found(&item->key, &item->sum, context);
}

struct wish {
    bool (*is_wanted)(pid_t process, void *context);
    void *context;
};

static bool is_item_wanted(const void *item, void *context)
{
    const struct wish *wish = context;
    return wish->is_wanted((pid_t)((const struct item *)item)->key.process, wish->context);
}

static bool is_thread_wanted(const void *item, void *context)
{
    const struct wish *wish = context;
    return wish->is_wanted((pid_t)((const struct thread *)item)->key.process, wish->context);
}

void exits_account_keep(struct exits_account *account,
                        bool (*is_wanted)(pid_t process, void *context), void *context)
{
    struct wish wish = {is_wanted, context};
    table_keep(&account->sums, is_item_wanted, &wish);
    table_keep(&account->threads, is_thread_wanted, &wish);
}

uint64_t exits_account_lost(const struct exits_account *account)
{
    return account->lost;
}
