/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/channel.h"

#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/strbuf.h"
#include "guest/program.h"
#include "guest/protocol.h"
#include "guest/session.h"

#define PUT_NS (300 * NS_PER_S)
#define BARRIER_NS (240 * NS_PER_S) /* a slow guest forks and execs the runner */

struct channel {
    struct session *session;
};

struct channel_job {
    struct stream *stream;
    char *program;  /* argv[0], for errors */
    size_t parsed;  /* bytes of stream->out that are parsed */
    bool ready;     /* at the barrier */
    bool finished;  /* message and all output are there */
    bool malformed; /* what came is not the protocol */
    struct protocol_message message;
    uint64_t pinged_ns; /* 0: not yet */
    uint64_t round_trip_ns;
    uint64_t released_ns;
    uint64_t result_ns;
};

DEFINE_CLEANUP(struct channel *, channel_close);
DEFINE_CLEANUP(struct channel_job *, channel_job_free);
DEFINE_CLEANUP(struct stream *, stream_free);

static uint64_t deadline_after(uint64_t timeout_ns)
{
    return timeout_ns ? clock_monotonic_ns() + timeout_ns : 0;
}

static const char *last_line(char *text)
{
    size_t length = strlen(text);
    while (length > 0 && strchr(" \r\n", text[length - 1]))
        text[--length] = '\0';
    const char *newline = strrchr(text, '\n');
    return newline ? newline + 1 : text;
}

int channel_open(const struct channel_options *options, struct channel **out_channel,
                 struct error *err)
{
    CLEANUP(channel_close_cleanup) struct channel *channel = mem_zalloc(sizeof(*channel));
    int rc = session_open(options, &channel->session, err);
    if (rc < 0)
        return rc;
    rc = channel_put(channel, guest_program, (size_t)(guest_program_end - guest_program),
                     GUEST_RUNNER_PATH, 0755, err);
    if (rc >= 0)
        *out_channel = TAKE_PTR(channel);
    return rc;
}

struct channel *channel_close(struct channel *channel)
{
    if (!channel)
        return NULL;
    session_close(channel->session);
    free(channel);
    return NULL;
}

void channel_result_done(struct channel_result *result)
{
    free(result->text);
    free(result->error_text);
    *result = (struct channel_result){0};
}

int channel_put(struct channel *channel, const void *bytes, size_t length, const char *path,
                unsigned mode, struct error *err)
{
    CLEANUP_FREE char *part = mem_printf("%s.part", path);
    CLEANUP_STRBUF struct strbuf command;
    strbuf_init(&command);
    strbuf_adds(&command, "umask 077 && cat >");
    session_quote(&command, part);
    strbuf_addf(&command, " && chmod %o ", mode & 07777);
    session_quote(&command, part);
    strbuf_adds(&command, " && mv -f ");
    session_quote(&command, part);
    strbuf_addc(&command, ' ');
    session_quote(&command, path);

    CLEANUP(stream_free_cleanup) struct stream *stream = NULL;
    uint64_t deadline_ns = deadline_after(PUT_NS);
    int rc = stream_open(channel->session, command.text, deadline_ns, &stream, err);
    if (rc >= 0)
        rc = stream_write(stream, bytes, length, deadline_ns, err);
    if (rc >= 0)
        rc = stream_end_input(stream, err);
    if (rc >= 0)
        rc = stream_wait(&stream, 1, stream_is_done, deadline_ns, err);
    if (rc < 0)
        return error_prefix(err, "write '%s'", path);
    if (stream->status != 0)
        return error_set(err, ERROR_FAILED, -EIO, "machine at '%s': write '%s': %s",
                         session_address(channel->session), path, last_line(stream->error.text));
    return 0;
}

/* The command line for the runner; `now`: without a barrier. */
static char *runner_command(const struct channel_job_options *options, bool now)
{
    CLEANUP_STRBUF struct strbuf command;
    strbuf_init(&command);
    strbuf_adds(&command, "exec " GUEST_RUNNER_PATH " run");
    if (now)
        strbuf_adds(&command, " --now");
    strbuf_adds(&command, " --directory ");
    session_quote(&command, options->directory ? options->directory : "/");
    strbuf_adds(&command, " --");
    for (const char *const *word = options->argv; *word; word++) {
        strbuf_addc(&command, ' ');
        session_quote(&command, *word);
    }
    return strbuf_take(&command);
}

/* Takes the next message from what has arrived; false when there is none yet. */
static bool next_message(struct channel_job *job)
{
    const struct strbuf *out = &job->stream->out;
    ssize_t took =
        protocol_parse(out->text + job->parsed, out->length - job->parsed, &job->message);
    if (took == 0)
        return false;
    job->malformed = took < 0;
    job->parsed += took > 0 ? (size_t)took : 0;
    return true;
}

static uint64_t announced_bytes(const struct channel_job *job)
{
    return job->message.kind == PROTOCOL_RESULT
               ? job->message.output_bytes + job->message.error_bytes
               : 0;
}

/* Reads messages up to the one that decides; afterwards waits for the output that it announces. */
static void advance(struct channel_job *job)
{
    while (!job->finished && !job->malformed) {
        if (job->result_ns) {
            job->finished = job->stream->out.length - job->parsed >= announced_bytes(job);
            return;
        }
        if (!next_message(job))
            return;
        if (job->message.kind == PROTOCOL_READY)
            job->ready = true;
        if (job->message.kind == PROTOCOL_PONG && job->pinged_ns)
            job->round_trip_ns = clock_monotonic_ns() - job->pinged_ns;
        if (job->message.kind == PROTOCOL_RESULT || job->message.kind == PROTOCOL_FAILED)
            job->result_ns = clock_monotonic_ns();
        if (job->ready && !job->released_ns)
            return;
    }
}

static bool is_ready(struct stream *stream)
{
    struct channel_job *job = stream->owner;
    advance(job);
    return job->ready || job->finished || job->malformed || stream->closed;
}

static bool has_answered(struct stream *stream)
{
    struct channel_job *job = stream->owner;
    advance(job);
    return job->round_trip_ns || job->finished || job->malformed || stream->closed;
}

static bool is_finished(struct stream *stream)
{
    struct channel_job *job = stream->owner;
    advance(job);
    return job->finished || job->malformed || stream->closed;
}

/* Why a job that must be further has no more to say. */
static int explain_end(struct channel_job *job, struct error *err)
{
    const char *address = session_address(job->stream->session);
    if (job->finished && job->message.kind == PROTOCOL_FAILED)
        return error_set(err, ERROR_FAILED, job->message.code ? -job->message.code : -EIO,
                         "machine at '%s': %s", address, job->message.text);
    if (job->malformed)
        return error_set(err, ERROR_INTERNAL, -EPROTO,
                         "machine at '%s': run '%s': the runner's answer is not understood",
                         address, job->program);
    return error_set(err, ERROR_FAILED, -EIO,
                     "machine at '%s': run '%s': the runner ended early (status %d): %s", address,
                     job->program, job->stream->status, last_line(job->stream->error.text));
}

static int open_job(struct channel *channel, const struct channel_job_options *options, bool now,
                    uint64_t deadline_ns, struct channel_job **out_job, struct error *err)
{
    CLEANUP(channel_job_free_cleanup) struct channel_job *job = mem_zalloc(sizeof(*job));
    CLEANUP_FREE char *command = runner_command(options, now);
    job->program = mem_strdup(options->argv[0]);
    int rc = stream_open(channel->session, command, deadline_ns, &job->stream, err);
    if (rc < 0)
        return error_prefix(err, "run '%s'", job->program);
    job->stream->owner = job;
    *out_job = TAKE_PTR(job);
    return 0;
}

static int ping(struct channel_job *job, uint64_t deadline_ns, struct error *err)
{
    job->pinged_ns = clock_monotonic_ns();
    int rc = stream_write(job->stream, PROTOCOL_PING, strlen(PROTOCOL_PING), deadline_ns, err);
    if (rc >= 0)
        rc = stream_wait(&job->stream, 1, has_answered, deadline_ns, err);
    if (rc < 0)
        return error_prefix(err, "bring '%s' to its start", job->program);
    return job->round_trip_ns ? 0 : explain_end(job, err);
}

int channel_start_job(struct channel *channel, const struct channel_job_options *options,
                      struct channel_job **out_job, struct error *err)
{
    CLEANUP(channel_job_free_cleanup) struct channel_job *job = NULL;
    uint64_t deadline_ns = deadline_after(BARRIER_NS);
    int rc = open_job(channel, options, false, deadline_ns, &job, err);
    if (rc < 0)
        return rc;
    rc = stream_wait(&job->stream, 1, is_ready, deadline_ns, err);
    if (rc < 0)
        return error_prefix(err, "bring '%s' to its start", job->program);
    if (!job->ready)
        return explain_end(job, err);
    rc = ping(job, deadline_ns, err);
    if (rc < 0)
        return rc;
    *out_job = TAKE_PTR(job);
    return 0;
}

int channel_release_job(struct channel_job *job, struct error *err)
{
    job->released_ns = clock_monotonic_ns();
    int rc = stream_write(job->stream, PROTOCOL_GO, strlen(PROTOCOL_GO), deadline_after(BARRIER_NS),
                          err);
    return rc < 0 ? error_prefix(err, "start '%s'", job->program) : 0;
}

/* The announced output follows the message: first standard output, then standard error. */
static int take_result(struct channel_job *job, struct channel_result *out_result,
                       struct error *err)
{
    if (!job->finished || job->malformed || job->message.kind != PROTOCOL_RESULT)
        return explain_end(job, err);
    const struct protocol_message *message = &job->message;
    const char *output = job->stream->out.text + job->parsed;
    *out_result = (struct channel_result){
        .status = message->status,
        .text = mem_zalloc(message->output_bytes + 1),
        .length = message->output_bytes,
        .error_text = mem_zalloc(message->error_bytes + 1),
        .host_ns = job->result_ns - job->released_ns,
        .guest_ns = message->guest_ns,
        .round_trip_ns = job->round_trip_ns,
        .user_ns = message->user_ns,
        .system_ns = message->system_ns,
    };
    memcpy(out_result->text, output, message->output_bytes);
    memcpy(out_result->error_text, output + message->output_bytes, message->error_bytes);
    return 0;
}

int channel_wait_jobs(struct channel_job *const *jobs, size_t count, uint64_t timeout_ns,
                      struct channel_result *results, struct error *err)
{
    CLEANUP_FREE struct stream **streams = mem_array(count, sizeof(struct stream *));
    for (size_t i = 0; i < count; i++)
        streams[i] = jobs[i]->stream;
    memset(results, 0, count * sizeof(*results));
    int rc = stream_wait(streams, count, is_finished, deadline_after(timeout_ns), err);
    if (rc < 0)
        return error_prefix(err, "wait for '%s'", count ? jobs[0]->program : "");
    for (size_t i = 0; i < count && rc >= 0; i++)
        rc = take_result(jobs[i], &results[i], err);
    for (size_t i = 0; i < count && rc < 0; i++)
        channel_result_done(&results[i]);
    return rc;
}

/* Closing the stream ends the runner's input, upon which it kills the program. */
struct channel_job *channel_job_free(struct channel_job *job)
{
    if (!job)
        return NULL;
    stream_free(job->stream);
    free(job->program);
    free(job);
    return NULL;
}

int channel_run(struct channel *channel, const char *const *argv, uint64_t timeout_ns,
                struct channel_result *out_result, struct error *err)
{
    CLEANUP(channel_job_free_cleanup) struct channel_job *job = NULL;
    struct channel_job_options options = {.argv = argv};
    uint64_t deadline_ns = deadline_after(timeout_ns);
    uint64_t started_ns = clock_monotonic_ns();
    int rc = open_job(channel, &options, true, deadline_ns, &job, err);
    if (rc < 0)
        return rc;
    job->released_ns = started_ns;
    rc = stream_wait(&job->stream, 1, is_finished, deadline_ns, err);
    if (rc < 0)
        return error_prefix(err, "run '%s'", job->program);
    return take_result(job, out_result, err);
}

int channel_check(struct channel *channel, const char *const *argv, uint64_t timeout_ns,
                  char **out_text, struct error *err)
{
    struct channel_result result = {0};
    int rc = channel_run(channel, argv, timeout_ns, &result, err);
    if (rc < 0)
        return rc;
    const char *address = session_address(channel->session);
    if (result.status > 255)
        rc = error_set(err, ERROR_FAILED, -EIO, "machine at '%s': run '%s': ended by signal %d",
                       address, argv[0], result.status - 256);
    else if (result.status != 0)
        rc = error_set(err, ERROR_FAILED, -EIO, "machine at '%s': run '%s': exit code %d: %s",
                       address, argv[0], result.status,
                       last_line(*result.error_text ? result.error_text : result.text));
    else if (out_text)
        *out_text = TAKE_PTR(result.text);
    channel_result_done(&result);
    return rc;
}
