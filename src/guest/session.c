/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "guest/session.h"

#include <errno.h>
#include <fcntl.h>
#define LIBSSH_LEGACY_0_4 /* else its old names collide with channel.h */
#include <libssh/callbacks.h>
#include <libssh/libssh.h>
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/interrupt.h"
#include "base/mem.h"
#include "guest/connect.h"

#define SLICE_MS 100 /* how late Ctrl-C may be noticed */
#define ALIVE_EVERY_NS (500 * NS_PER_MS)
#define CLOSE_NS (5 * NS_PER_S) /* for a program that dies at the end of its input */

struct session {
    ssh_session ssh;
    char *address;
    int (*alive)(void *context, struct error *err);
    void *alive_context;
};

DEFINE_CLEANUP(ssh_session, ssh_free);
DEFINE_CLEANUP(ssh_key, ssh_key_free);
DEFINE_CLEANUP(ssh_event, ssh_event_free);
DEFINE_CLEANUP(struct session *, session_close);
DEFINE_CLEANUP(struct stream *, stream_free);

const char *session_address(const struct session *session)
{
    return session->address;
}

void session_quote(struct strbuf *buf, const char *word)
{
    strbuf_addc(buf, '\'');
    for (const char *at = word; *at; at++) {
        if (*at == '\'')
            strbuf_adds(buf, "'\\''");
        else
            strbuf_addc(buf, *at);
    }
    strbuf_addc(buf, '\'');
}

/* What ends every wait: the user, the machine, the clock. */
static int check_wait(const struct session *session, uint64_t deadline_ns, uint64_t *next_alive_ns,
                      struct error *err)
{
    int rc = interrupt_check(err);
    if (rc < 0)
        return rc;
    uint64_t now_ns = clock_monotonic_ns();
    if (session->alive && now_ns >= *next_alive_ns) {
        *next_alive_ns = now_ns + ALIVE_EVERY_NS;
        rc = session->alive(session->alive_context, err);
        if (rc < 0)
            return rc;
    }
    if (deadline_ns && now_ns >= deadline_ns)
        return error_set(err, ERROR_FAILED, -ETIMEDOUT, "machine at '%s': no answer in time",
                         session->address);
    return 0;
}

/* Waits a moment for traffic after libssh said "again". */
static int step(const struct session *session, uint64_t deadline_ns, uint64_t *next_alive_ns,
                struct error *err)
{
    int flags = ssh_get_poll_flags(session->ssh);
    struct pollfd ready = {.fd = ssh_get_fd(session->ssh), .events = POLLIN};
    if (flags & SSH_WRITE_PENDING)
        ready.events |= POLLOUT;
    poll(&ready, 1, SLICE_MS / 2);
    return check_wait(session, deadline_ns, next_alive_ns, err);
}

/* The machine's own account of its death says more than a closed socket. */
static int connection_lost(const struct session *session, const char *during, struct error *err)
{
    for (int tries = 0; session->alive && tries < 5; tries++) {
        int rc = session->alive(session->alive_context, err);
        if (rc < 0)
            return rc;
        clock_sleep_ns(50 * NS_PER_MS); /* a dying hypervisor closes its sockets first */
    }
    return error_set(err, ERROR_FAILED, -EIO, "machine at '%s': connection lost during %s: %s",
                     session->address, during, ssh_get_error(session->ssh));
}

/* "ssh-ed25519 AAAA... comment" -> key; *out_type gets the name before the blank. */
static int parse_host_key(const char *line, ssh_key *out_key, char **out_type, struct error *err)
{
    size_t type_length = strcspn(line, " ");
    const char *base64 = line + type_length + strspn(line + type_length, " ");
    CLEANUP_FREE char *type = mem_strndup(line, type_length);
    CLEANUP_FREE char *blob = mem_strndup(base64, strcspn(base64, " \r\n"));
    if (ssh_pki_import_pubkey_base64(blob, ssh_key_type_from_name(type), out_key) != SSH_OK)
        return error_set(err, ERROR_INTERNAL, -EINVAL, "read host key of the image: '%.40s...'",
                         line);
    *out_type = TAKE_PTR(type);
    return 0;
}

static int set_options(ssh_session ssh, const struct channel_options *options, int fd,
                       const char *key_type)
{
    unsigned port = options->port ? options->port : 22;
    int no = 0, yes = 1;
    const char *user = options->user ? options->user : "root";
    int bad = ssh_options_set(ssh, SSH_OPTIONS_PROCESS_CONFIG, &no) |
              ssh_options_set(ssh, SSH_OPTIONS_HOST, options->address) |
              ssh_options_set(ssh, SSH_OPTIONS_PORT, &port) |
              ssh_options_set(ssh, SSH_OPTIONS_USER, user) |
              ssh_options_set(ssh, SSH_OPTIONS_NODELAY, &yes) |
              ssh_options_set(ssh, SSH_OPTIONS_COMPRESSION, "none");
    if (key_type && strcmp(key_type, "ssh-rsa") != 0)
        bad |= ssh_options_set(ssh, SSH_OPTIONS_HOSTKEYS, key_type);
    return bad | ssh_options_set(ssh, SSH_OPTIONS_FD, &fd);
}

static int check_host_key(const struct session *session, ssh_key expected, struct error *err)
{
    CLEANUP(ssh_key_free_cleanup) ssh_key key = NULL;
    if (ssh_get_server_publickey(session->ssh, &key) != SSH_OK)
        return error_set(err, ERROR_FAILED, -EIO, "machine at '%s': no host key: %s",
                         session->address, ssh_get_error(session->ssh));
    if (ssh_key_cmp(key, expected, SSH_KEY_CMP_PUBLIC) == 0)
        return 0;
    return error_set(err, ERROR_FAILED, -EACCES,
                     "machine at '%s': its host key is not that of the image", session->address);
}

static int authenticate(const struct session *session, const struct channel_options *options,
                        uint64_t deadline_ns, struct error *err)
{
    CLEANUP(ssh_key_free_cleanup) ssh_key key = NULL;
    if (ssh_pki_import_privkey_file(options->key_path, NULL, NULL, NULL, &key) != SSH_OK)
        return error_set(err, ERROR_ENVIRONMENT, -EINVAL, "read private key '%s'",
                         options->key_path);
    uint64_t next_alive_ns = 0;
    int rc;
    while ((rc = ssh_userauth_publickey(session->ssh, NULL, key)) == SSH_AUTH_AGAIN)
        if ((rc = step(session, deadline_ns, &next_alive_ns, err)) < 0)
            return rc;
    if (rc == SSH_AUTH_SUCCESS)
        return 0;
    if (!ssh_is_connected(session->ssh))
        return connection_lost(session, "authentication", err);
    return error_set(err, ERROR_FAILED, -EACCES, "machine at '%s': key '%s' was refused: %s",
                     session->address, options->key_path, ssh_get_error(session->ssh));
}

/* libssh makes the socket block once it is connected. A machine that dies while much is sent to it
 * would hold us in send() until TCP gives up, and nobody would ask whether it lives. */
static int make_nonblocking(const struct session *session, struct error *err)
{
    int fd = ssh_get_fd(session->ssh);
    int flags = fcntl(fd, F_GETFL);
    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return error_set_errno(err, ERROR_INTERNAL, -errno, "machine at '%s': set up its socket",
                               session->address);
    return 0;
}

/* SSH over a connected socket, which is closed with the session or on failure. */
static int handshake(int fd, const struct channel_options *options, struct session **out_session,
                     struct error *err)
{
    CLEANUP(session_close_cleanup) struct session *session = mem_zalloc(sizeof(*session));
    CLEANUP_FREE char *key_type = NULL;
    CLEANUP(ssh_key_free_cleanup) ssh_key host_key = NULL;
    session->address = mem_strdup(options->address);
    session->alive = options->alive;
    session->alive_context = options->alive_context;
    session->ssh = ssh_new();
    int rc = options->host_key ? parse_host_key(options->host_key, &host_key, &key_type, err) : 0;
    if (rc < 0 || set_options(session->ssh, options, fd, key_type) != SSH_OK) {
        fd_cleanup(&fd);
        return rc < 0 ? rc
                      : error_set(err, ERROR_INTERNAL, -EINVAL, "set up SSH: %s",
                                  ssh_get_error(session->ssh));
    }
    ssh_set_blocking(session->ssh, 0);
    uint64_t deadline_ns = clock_monotonic_ns() + options->timeout_ns;
    uint64_t next_alive_ns = 0;
    while ((rc = ssh_connect(session->ssh)) == SSH_AGAIN)
        if ((rc = step(session, deadline_ns, &next_alive_ns, err)) < 0)
            return rc;
    if (rc != SSH_OK)
        return connection_lost(session, "the SSH handshake", err);
    if ((rc = make_nonblocking(session, err)) < 0)
        return rc;
    if (host_key && (rc = check_host_key(session, host_key, err)) < 0)
        return rc;
    rc = authenticate(session, options, deadline_ns, err);
    if (rc >= 0)
        *out_session = TAKE_PTR(session);
    return rc;
}

int session_open(const struct channel_options *options, struct session **out_session,
                 struct error *err)
{
    struct channel_options filled = *options;
    if (!filled.timeout_ns)
        filled.timeout_ns = 20 * NS_PER_S;
    for (;;) {
        int fd = connect_until_banner(&filled, err);
        if (fd < 0)
            return fd;
        int rc = handshake(fd, &filled, out_session, err);
        /* A server that was about to restart, or a port forwarded to nowhere, hangs up: once more.
         */
        bool again = rc == -EIO || rc == -ETIMEDOUT;
        if (rc >= 0 || !again || clock_monotonic_ns() >= filled.deadline_ns)
            return rc;
    }
}

struct session *session_close(struct session *session)
{
    if (!session)
        return NULL;
    if (session->ssh) {
        /* The polite way leaves a socket open that libssh has not opened itself. */
        ssh_silent_disconnect(session->ssh);
        ssh_free(session->ssh);
    }
    free(session->address);
    free(session);
    return NULL;
}

static int on_data(ssh_session ssh, ssh_channel channel, void *data, uint32_t length, int is_stderr,
                   void *userdata)
{
    (void)ssh, (void)channel;
    struct stream *stream = userdata;
    struct strbuf *buf = is_stderr ? &stream->error : &stream->out;
    size_t limit = is_stderr ? STREAM_ERROR_MAX : STREAM_OUT_MAX;
    size_t room = limit > buf->length ? limit - buf->length : 0;
    strbuf_add(buf, data, length < room ? length : room);
    return (int)length;
}

static void on_eof(ssh_session ssh, ssh_channel channel, void *userdata)
{
    (void)ssh, (void)channel;
    ((struct stream *)userdata)->eof = true;
}

static void on_close(ssh_session ssh, ssh_channel channel, void *userdata)
{
    (void)ssh, (void)channel;
    ((struct stream *)userdata)->closed = true;
}

static void on_exit_status(ssh_session ssh, ssh_channel channel, int status, void *userdata)
{
    (void)ssh, (void)channel;
    ((struct stream *)userdata)->status = status;
}

static void on_exit_signal(ssh_session ssh, ssh_channel channel, const char *name, int core,
                           const char *message, const char *language, void *userdata)
{
    (void)ssh, (void)channel, (void)core, (void)message, (void)language;
    int number = 1;
    while (number < 32 && !(sigabbrev_np(number) && strcmp(sigabbrev_np(number), name) == 0))
        number++;
    ((struct stream *)userdata)->status = 256 + number;
}

/* Runs a libssh call that may say "again" to its end. */
#define COMPLETE(rc, call, session, deadline_ns, err)                                              \
    do {                                                                                           \
        uint64_t complete_alive_ns = 0;                                                            \
        while (((rc) = (call)) == SSH_AGAIN)                                                       \
            if (((rc) = step(session, deadline_ns, &complete_alive_ns, err)) < 0)                  \
                return (rc);                                                                       \
    } while (0)

static int start_command(struct stream *stream, const char *command, uint64_t deadline_ns,
                         struct error *err)
{
    struct session *session = stream->session;
    int rc;
    COMPLETE(rc, ssh_channel_open_session(stream->ssh), session, deadline_ns, err);
    if (rc != SSH_OK)
        return connection_lost(session, "the start of a command", err);
    COMPLETE(rc, ssh_channel_request_exec(stream->ssh, command), session, deadline_ns, err);
    return rc == SSH_OK ? 0 : connection_lost(session, "the start of a command", err);
}

int stream_open(struct session *session, const char *command, uint64_t deadline_ns,
                struct stream **out_stream, struct error *err)
{
    CLEANUP(stream_free_cleanup) struct stream *stream = mem_zalloc(sizeof(*stream));
    stream->session = session;
    stream->status = -1;
    strbuf_init(&stream->out);
    strbuf_init(&stream->error);
    stream->ssh = ssh_channel_new(session->ssh);
    if (!stream->ssh)
        return connection_lost(session, "the start of a command", err);
    struct ssh_channel_callbacks_struct callbacks = {
        .userdata = stream,
        .channel_data_function = on_data,
        .channel_eof_function = on_eof,
        .channel_close_function = on_close,
        .channel_exit_status_function = on_exit_status,
        .channel_exit_signal_function = on_exit_signal,
    };
    ssh_callbacks_init(&callbacks);
    stream->callbacks = mem_copy(&callbacks, sizeof(callbacks));
    if (ssh_set_channel_callbacks(stream->ssh, stream->callbacks) != SSH_OK)
        return error_set(err, ERROR_INTERNAL, -EINVAL, "set up SSH: %s",
                         ssh_get_error(session->ssh));
    int rc = start_command(stream, command, deadline_ns, err);
    if (rc >= 0)
        *out_stream = TAKE_PTR(stream);
    return rc;
}

int stream_write(struct stream *stream, const void *bytes, size_t length, uint64_t deadline_ns,
                 struct error *err)
{
    const char *at = bytes;
    uint64_t next_alive_ns = 0;
    while (length > 0) {
        uint32_t part = length < (1 << 20) ? (uint32_t)length : 1 << 20;
        int wrote = ssh_channel_write(stream->ssh, at, part);
        if (wrote < 0 && wrote != SSH_AGAIN)
            return connection_lost(stream->session, "a transfer", err);
        if (stream->closed)
            return error_set(err, ERROR_FAILED, -EPIPE,
                             "machine at '%s': the command ended before it read its input",
                             stream->session->address);
        if (wrote > 0) {
            at += wrote;
            length -= (size_t)wrote;
            continue;
        }
        ssh_channel_poll(stream->ssh, 0); /* takes in window adjustments */
        int rc = step(stream->session, deadline_ns, &next_alive_ns, err);
        if (rc < 0)
            return rc;
    }
    return 0;
}

int stream_end_input(struct stream *stream, struct error *err)
{
    if (ssh_channel_send_eof(stream->ssh) == SSH_ERROR)
        return connection_lost(stream->session, "a transfer", err);
    return 0;
}

bool stream_is_done(struct stream *stream)
{
    return stream->closed || (stream->eof && stream->status >= 0);
}

static bool session_is_new(struct stream *const *streams, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (streams[i]->session == streams[index]->session)
            return false;
    return true;
}

/* Deadlines, deaths and losses of all streams that are still waited for. */
static int check_streams(struct stream *const *streams, size_t count, bool (*done)(struct stream *),
                         uint64_t deadline_ns, bool ask_alive, struct error *err)
{
    for (size_t i = 0; i < count; i++) {
        if (done(streams[i]))
            continue;
        const struct session *session = streams[i]->session;
        uint64_t next_alive_ns = ask_alive ? 0 : UINT64_MAX;
        int rc = check_wait(session, deadline_ns, &next_alive_ns, err);
        if (rc < 0)
            return rc;
        if (!ssh_is_connected(session->ssh))
            return connection_lost(session, "a command", err);
    }
    return 0;
}

static bool all_done(struct stream *const *streams, size_t count, bool (*done)(struct stream *))
{
    for (size_t i = 0; i < count; i++)
        if (!done(streams[i]))
            return false;
    return true;
}

static int wait_on_event(ssh_event event, struct stream *const *streams, size_t count,
                         bool (*done)(struct stream *), uint64_t deadline_ns, struct error *err)
{
    uint64_t next_alive_ns = clock_monotonic_ns() + ALIVE_EVERY_NS;
    while (!all_done(streams, count, done)) {
        uint64_t now_ns = clock_monotonic_ns();
        bool ask_alive = now_ns >= next_alive_ns;
        int rc = check_streams(streams, count, done, deadline_ns, ask_alive, err);
        if (rc < 0)
            return rc;
        if (ask_alive)
            next_alive_ns = now_ns + ALIVE_EVERY_NS;
        uint64_t left_ms = deadline_ns ? (deadline_ns - now_ns) / NS_PER_MS + 1 : SLICE_MS;
        ssh_event_dopoll(event, left_ms < SLICE_MS ? (int)left_ms : SLICE_MS);
    }
    return 0;
}

int stream_wait(struct stream *const *streams, size_t count, bool (*done)(struct stream *),
                uint64_t deadline_ns, struct error *err)
{
    CLEANUP(ssh_event_free_cleanup) ssh_event event = ssh_event_new();
    for (size_t i = 0; i < count; i++)
        if (session_is_new(streams, i))
            ssh_event_add_session(event, streams[i]->session->ssh);
    int rc = wait_on_event(event, streams, count, done, deadline_ns, err);
    for (size_t i = 0; i < count; i++)
        if (session_is_new(streams, i))
            ssh_event_remove_session(event, streams[i]->session->ssh);
    return rc;
}

static bool is_closed(struct stream *stream)
{
    return stream->closed;
}

/* Ends the command by ending its input, and waits for the server's close. libssh goes on adjusting
 * the window of a channel that it closed first, and dropbear hangs up on a message for a channel
 * that it no longer knows: every other command of the connection would be lost. */
static void close_orderly(struct stream *stream)
{
    struct error ignored = {0};
    uint64_t deadline_ns = clock_monotonic_ns() + CLOSE_NS;
    if (!ssh_channel_is_open(stream->ssh) || ssh_channel_send_eof(stream->ssh) == SSH_ERROR)
        return;
    int rc = stream_wait(&stream, 1, is_closed, deadline_ns, &ignored);
    (void)rc; /* a server that says nothing more: closed from here */
}

struct stream *stream_free(struct stream *stream)
{
    if (!stream)
        return NULL;
    if (stream->ssh) {
        if (stream->callbacks && !stream->closed)
            close_orderly(stream);
        if (stream->callbacks)
            ssh_remove_channel_callbacks(stream->ssh, stream->callbacks);
        ssh_channel_free(stream->ssh);
    }
    free(stream->callbacks);
    strbuf_done(&stream->out);
    strbuf_done(&stream->error);
    free(stream);
    return NULL;
}
