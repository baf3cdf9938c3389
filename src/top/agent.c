/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "top/agent.h"

#include <errno.h>
#include <jansson.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/mem.h"

#define ANSWER_MAX ((size_t)64 << 10) /* 300 CPUs */
#define PATIENCE_NS (100 * NS_PER_MS)
#define SILENT_EXCHANGES 30 /* then the connection is made anew */

enum agent_state { AGENT_CLOSED, AGENT_SYNCING, AGENT_IDLE, AGENT_ASKED };

struct agent {
    pid_t pid;
    char *path;
    int fd; /* -1: closed */
    enum agent_state state;
    unsigned silent; /* exchanges since its last word */
    bool is_wanted;  /* read since the last exchange */
    struct figure steal;
    char buffer[ANSWER_MAX];
    size_t length;
};

struct agents {
    struct agent **items;
    size_t count, capacity;
    uint64_t number; /* of the last guest-sync */
};

static enum agent_answer parse_stats(const json_t *list, uint64_t *out_value)
{
    uint64_t ms = 0;
    size_t i;
    json_t *cpu;
    if (json_array_size(list) == 0)
        return AGENT_UNKNOWN;
    json_array_foreach(list, i, cpu)
    {
        json_t *steal = json_object_get(cpu, "steal");
        if (!json_is_integer(steal) || json_integer_value(steal) < 0)
            return AGENT_UNKNOWN;
        ms += (uint64_t)json_integer_value(steal);
    }
    *out_value = ms * NS_PER_MS;
    return AGENT_STEAL;
}

enum agent_answer agent_parse(const char *line, size_t length, uint64_t *out_value)
{
    json_t *root = json_loadb(line, length, JSON_REJECT_DUPLICATES, NULL);
    json_t *back = json_object_get(root, "return");
    enum agent_answer answer = AGENT_UNKNOWN;
    if (!json_is_object(root)) {
        answer = AGENT_NOT_JSON;
    } else if (json_object_get(root, "error")) {
        answer = AGENT_ERROR;
    } else if (json_is_integer(back) && json_integer_value(back) >= 0) {
        *out_value = (uint64_t)json_integer_value(back);
        answer = AGENT_NUMBER;
    } else if (json_is_array(back)) {
        answer = parse_stats(back, out_value);
    }
    json_decref(root);
    return answer;
}

struct agents *agents_open(void)
{
    struct agents *agents = mem_zalloc(sizeof(*agents));
    /* An answer to someone else is not taken for ours. */
    agents->number = clock_monotonic_ns() & INT32_MAX;
    return agents;
}

static void close_agent(struct agent *agent, const char *reason)
{
    if (agent->fd >= 0)
        close(agent->fd);
    agent->fd = -1;
    agent->state = AGENT_CLOSED;
    agent->silent = 1; /* not at once again */
    agent->length = 0;
    agent->steal = figure_missing(reason);
}

static void send_line(struct agent *agent, const char *line, enum agent_state next)
{
    size_t length = strlen(line);
    if (send(agent->fd, line, length, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)length)
        agent->state = next;
    else
        close_agent(agent, "its guest agent's socket takes nothing");
}

static void connect_agent(struct agents *agents, struct agent *agent)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(agent->path) >= sizeof(address.sun_path)) {
        close_agent(agent, "the path of its guest agent's socket is too long");
        return;
    }
    strcpy(address.sun_path, agent->path);
    agent->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (agent->fd < 0 || connect(agent->fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
        close_agent(agent, errno == EACCES ? "only root may ask its guest agent"
                                           : "its guest agent's socket does not answer");
        return;
    }
    char line[96];
    snprintf(line, sizeof(line), "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":%llu}}\n",
             (unsigned long long)++agents->number);
    send_line(agent, line, AGENT_SYNCING);
}

static void start_exchange(struct agents *agents, struct agent *agent)
{
    if (agent->state == AGENT_CLOSED && agent->silent++ % SILENT_EXCHANGES == 0)
        connect_agent(agents, agent);
    else if (agent->state == AGENT_IDLE)
        send_line(agent, "{\"execute\":\"guest-get-cpustats\"}\n", AGENT_ASKED);
    else if (agent->state != AGENT_CLOSED && ++agent->silent > SILENT_EXCHANGES)
        close_agent(agent, "its guest agent does not answer; perhaps another program, such as "
                           "libvirt, holds its socket");
}

static void take_line(struct agents *agents, struct agent *agent, const char *line, size_t length)
{
    uint64_t value = 0;
    enum agent_answer answer = agent_parse(line, length, &value);
    agent->silent = 0;
    if (agent->state == AGENT_SYNCING && answer == AGENT_NUMBER && value <= agents->number) {
        send_line(agent, "{\"execute\":\"guest-get-cpustats\"}\n", AGENT_ASKED);
    } else if (agent->state == AGENT_ASKED && answer == AGENT_STEAL) {
        agent->steal = figure_of(value);
        agent->state = AGENT_IDLE;
    } else if (agent->state == AGENT_ASKED && answer == AGENT_ERROR) {
        agent->steal = figure_missing("its guest agent cannot tell steal: it is older than QEMU "
                                      "7.1, or the command is forbidden there");
        agent->state = AGENT_IDLE;
    }
}

static void receive(struct agents *agents, struct agent *agent)
{
    ssize_t got =
        recv(agent->fd, agent->buffer + agent->length, ANSWER_MAX - agent->length, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        close_agent(agent, "its guest agent hung up");
        return;
    }
    agent->length += (size_t)got;
    for (char *end; agent->fd >= 0 && (end = memchr(agent->buffer, '\n', agent->length));) {
        size_t length = (size_t)(end - agent->buffer);
        take_line(agents, agent, agent->buffer, length);
        if (agent->fd < 0)
            return;
        agent->length -= length + 1;
        memmove(agent->buffer, end + 1, agent->length);
    }
    if (agent->length == ANSWER_MAX)
        close_agent(agent, "its guest agent sends without end");
}

/* Waits for the agents that owe an answer; false when none does, or the time is over. */
static bool collect(struct agents *agents, uint64_t end_ns)
{
    struct pollfd fds[64];
    struct agent *owners[COUNT_OF(fds)];
    nfds_t count = 0;
    for (size_t i = 0; i < agents->count && count < COUNT_OF(fds); i++) {
        struct agent *agent = agents->items[i];
        if (agent->state != AGENT_SYNCING && agent->state != AGENT_ASKED)
            continue;
        fds[count] = (struct pollfd){.fd = agent->fd, .events = POLLIN};
        owners[count++] = agent;
    }
    uint64_t now_ns = clock_monotonic_ns();
    if (count == 0 || now_ns >= end_ns)
        return false;
    if (poll(fds, count, (int)((end_ns - now_ns) / NS_PER_MS) + 1) <= 0)
        return false;
    for (nfds_t i = 0; i < count; i++)
        if (fds[i].revents)
            receive(agents, owners[i]);
    return true;
}

static void drop_unwanted(struct agents *agents)
{
    size_t kept = 0;
    for (size_t i = 0; i < agents->count; i++) {
        struct agent *agent = agents->items[i];
        if (agent->is_wanted) {
            agent->is_wanted = false;
            agents->items[kept++] = agent;
            continue;
        }
        close_agent(agent, NULL);
        free(agent->path);
        free(agent);
    }
    agents->count = kept;
}

void agents_exchange(struct agents *agents)
{
    drop_unwanted(agents);
    for (size_t i = 0; i < agents->count; i++)
        start_exchange(agents, agents->items[i]);
    uint64_t end_ns = clock_monotonic_ns() + PATIENCE_NS;
    while (collect(agents, end_ns))
        continue;
}

struct figure agents_read(struct agents *agents, pid_t pid, const char *path)
{
    for (size_t i = 0; i < agents->count; i++)
        if (agents->items[i]->pid == pid && strcmp(agents->items[i]->path, path) == 0) {
            agents->items[i]->is_wanted = true;
            return agents->items[i]->steal;
        }
    struct agent *agent = mem_zalloc(sizeof(*agent));
    *agent = (struct agent){.pid = pid,
                            .path = mem_strdup(path),
                            .fd = -1,
                            .is_wanted = true,
                            .steal = figure_missing("its guest agent has not answered yet")};
    MEM_GROW(agents->items, agents->count, agents->capacity);
    agents->items[agents->count++] = agent;
    return agent->steal;
}

struct agents *agents_close(struct agents *agents)
{
    if (!agents)
        return NULL;
    for (size_t i = 0; i < agents->count; i++)
        agents->items[i]->is_wanted = false;
    drop_unwanted(agents);
    free(agents->items);
    free(agents);
    return NULL;
}
