// The loop: epoll over all connections of all streams, schedules of the open ones.
#define _GNU_SOURCE
#include "core.h"

#include <errno.h>
#include <math.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { SCRATCH_BYTES = 256 << 10, EVENTS = 64 };
static const uint64_t SECOND = 1000000000, SILENCE_MAX = 120 * SECOND, DRAIN_MAX = 20 * SECOND;
/// Shorter waits are spent looking at the clock.
static const uint64_t SPIN_NANOSECONDS = 60000;
/// A turn of the loop without work takes less, or it slept or was interrupted.
static const uint64_t IDLE_TURN_NANOSECONDS_MAX = 10000;

typedef struct {
    load_stream *const *streams;
    int count;
    int poll;
    uint64_t start, from, until;
    /// Spent in turns of the loop in which nothing fell due and nothing came.
    uint64_t idle;
    uint64_t random;
    uint8_t *scratch;
} run;

static uint64_t read_clock(clockid_t clock) {
    struct timespec time;
    clock_gettime(clock, &time);
    return (uint64_t)time.tv_sec * SECOND + (uint64_t)time.tv_nsec;
}

static uint64_t clock_now(void) { return read_clock(CLOCK_MONOTONIC); }

/// Nanoseconds to the next arrival of a Poisson process (xorshift64*: Vigna, 2016).
static uint64_t gap(run *r, double rate) {
    r->random ^= r->random >> 12;
    r->random ^= r->random << 25;
    r->random ^= r->random >> 27;
    double uniform = ((double)((r->random * 0x2545F4914F6CDD1DULL) >> 11) + 1) / 9007199254740993.0;
    return (uint64_t)(-log(uniform) / rate * 1e9);
}

static uint32_t bucket(uint64_t value) {
    if (value < 2048) return (uint32_t)value;
    uint32_t shift = 53 - (uint32_t)__builtin_clzll(value);
    uint32_t index = (shift + 1) * 1024 + (uint32_t)((value >> shift) - 1024);
    return index < LOAD_BUCKETS ? index : LOAD_BUCKETS - 1;
}

static bool may_send(const run *r, const load_stream *stream, uint64_t now) {
    return now < r->until && (stream->limit == 0 || stream->sent < stream->limit);
}

static int watch(run *r, connection *c, bool to_send) {
    if (c->waits_to_send == to_send) return 0;
    c->waits_to_send = to_send;
    struct epoll_event event = {.events = EPOLLIN | (to_send ? EPOLLOUT : 0), .data.ptr = c};
    return epoll_ctl(r->poll, EPOLL_CTL_MOD, c->descriptor, &event) ? fail(c->stream, "epoll: %s", strerror(errno)) : 0;
}

/// Sends what the connection has to send, in one call if the socket takes it.
static int flush(run *r, connection *c) {
    while (c->out_at < c->out_count) {
        ssize_t sent = send(c->descriptor, c->out + c->out_at, c->out_count - c->out_at, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (sent > 0) {
            c->out_at += (size_t)sent;
        } else if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) {
            return watch(r, c, true);
        } else if (sent < 0 && errno != EINTR) {
            return fail(c->stream, "sending failed: %s", strerror(errno));
        }
    }
    return watch(r, c, false);
}

/// Sends as many requests as the depth allows.
static int refill(run *r, connection *c, uint64_t now) {
    load_stream *stream = c->stream;
    while (c->under_way < stream->settings.depth && !c->slots[c->next_id & c->slot_mask].is_open) {
        uint64_t since = now;
        if (stream->rate > 0) {
            if (c->queue_count == 0) break;
            since = c->queue[c->queue_at];
            c->queue_at = (c->queue_at + 1) % QUEUE_MAX;
            c->queue_count--;
        } else if (!may_send(r, stream, now)) {
            break;
        }
        if (append_request(c, since)) return -1;
    }
    return c->out_at < c->out_count ? flush(r, c) : 0;
}

static int answered(run *r, connection *c, uint64_t now) {
    load_stream *stream = c->stream;
    slot *done = &c->slots[c->reply_id & c->slot_mask];
    if (!done->is_open || c->reply_id < c->oldest_id || c->reply_id >= c->next_id) return fail(stream, "a reply to no request");
    if (c->is_sampled && keep_sample(c)) return -1;
    done->is_open = false;
    c->under_way--;
    while (c->oldest_id < c->next_id && !c->slots[c->oldest_id & c->slot_mask].is_open) c->oldest_id++;
    stream->result.requests_all++;
    stream->result.elapsed_nanoseconds = now - r->start;
    uint64_t counted_at = stream->rate > 0 ? done->since : now;
    if (counted_at >= r->from && counted_at < r->until) {
        uint64_t latency = now - done->since;
        stream->result.requests++;
        stream->result.reply_bytes += c->reply_bytes;
        stream->counts[bucket(latency)]++;
        if (latency > stream->result.max_nanoseconds) stream->result.max_nanoseconds = latency;
    }
    return 0;
}

static int receive(run *r, connection *c) {
    ssize_t got = recv(c->descriptor, r->scratch, SCRATCH_BYTES, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return 0;
    if (got < 0) return fail(c->stream, "receiving failed: %s", strerror(errno));
    if (got == 0) return fail(c->stream, "the server closed the connection");
    uint64_t now = clock_now();
    for (size_t at = 0; at < (size_t)got;) {
        bool is_done = false;
        ptrdiff_t taken = take_reply(c, r->scratch + at, (size_t)got - at, &is_done);
        if (taken < 0 || (is_done && answered(r, c, now))) return -1;
        at += (size_t)taken;
    }
    return refill(r, c, now);
}

/// Hands out the requests of open loops that have fallen due, in turn to the connections: how many, or -1.
static int schedule(run *r, uint64_t now, uint64_t *next) {
    int due = 0;
    *next = UINT64_MAX;
    for (int index = 0; index < r->count; index++) {
        load_stream *stream = r->streams[index];
        if (stream->rate <= 0) continue;
        while (stream->next_due <= now && stream->next_due < r->until) {
            connection *c = &stream->connections[stream->next_connection];
            stream->next_connection = (stream->next_connection + 1) % stream->connection_count;
            if (c->queue_count == QUEUE_MAX) {
                stream->result.unsent++;
            } else {
                c->queue[(c->queue_at + c->queue_count++) % QUEUE_MAX] = stream->next_due;
                if (refill(r, c, now)) return -1;
            }
            stream->next_due += gap(r, stream->rate);
            due++;
        }
        if (stream->next_due < r->until && stream->next_due < *next) *next = stream->next_due;
    }
    return due;
}

/// Whether something is still to be sent or answered.
static bool goes_on(run *r, uint64_t now) {
    for (int index = 0; index < r->count; index++) {
        load_stream *stream = r->streams[index];
        if (may_send(r, stream, now)) return true;
        for (int each = 0; each < stream->connection_count; each++) {
            if (stream->connections[each].under_way + stream->connections[each].queue_count > 0) return true;
        }
    }
    return false;
}

static int await(run *r, uint64_t now, uint64_t next, struct epoll_event *events) {
    uint64_t wait = next == UINT64_MAX ? SECOND / 10 : next > now ? next - now : 0;
    // The clock ends a closed loop too.
    if (now < r->until && wait > r->until - now) wait = r->until - now;
    if (next == UINT64_MAX || wait > SPIN_NANOSECONDS) {
        if (next != UINT64_MAX) wait -= SPIN_NANOSECONDS / 2;
        struct pollfd ready = {.fd = r->poll, .events = POLLIN};
        struct timespec timeout = {.tv_sec = (time_t)(wait / SECOND), .tv_nsec = (long)(wait % SECOND)};
        // epoll itself counts in milliseconds.
        if (next != UINT64_MAX) ppoll(&ready, 1, &timeout, NULL);
        else return epoll_wait(r->poll, events, EVENTS, (int)(wait / 1000000) + 1);
    }
    return epoll_wait(r->poll, events, EVENTS, 0);
}

static int loop(run *r) {
    struct epoll_event events[EVENTS];
    uint64_t now = clock_now(), heard = now, turn = now, next;
    bool is_idle = false;
    for (int index = 0; index < r->count; index++) {
        load_stream *stream = r->streams[index];
        for (int each = 0; stream->rate <= 0 && each < stream->connection_count; each++) {
            if (refill(r, &stream->connections[each], now)) return -1;
        }
    }
    while (now = clock_now(), goes_on(r, now)) {
        if (is_idle && now - turn < IDLE_TURN_NANOSECONDS_MAX) r->idle += now - turn;
        turn = now;
        int due = schedule(r, now, &next);
        if (due < 0) return -1;
        int ready = await(r, clock_now(), next, events);
        is_idle = due == 0 && ready == 0;
        if (ready < 0 && errno != EINTR) return fail(r->streams[0], "epoll: %s", strerror(errno));
        for (int index = 0; index < ready; index++) {
            connection *c = events[index].data.ptr;
            if (events[index].events & EPOLLOUT && flush(r, c)) return -1;
            if (events[index].events & ~(uint32_t)EPOLLOUT && receive(r, c)) return -1;
        }
        if (ready > 0) heard = now;
        if (now > heard + SILENCE_MAX) return fail(r->streams[0], "no answer for two minutes");
        if (now > r->until + DRAIN_MAX) {
            // An open loop's queue that no server will empty.
            for (int index = 0; index < r->count; index++) {
                load_stream *stream = r->streams[index];
                for (int each = 0; each < stream->connection_count; each++) {
                    stream->result.unsent += stream->connections[each].queue_count;
                    stream->connections[each].queue_count = 0;
                }
            }
        }
    }
    return 0;
}

/// Forgets the run before, and makes room so that nothing is allocated in this one.
static int prepare(run *r, load_stream *stream) {
    memset(&stream->result, 0, sizeof stream->result);
    memset(stream->counts, 0, sizeof stream->counts);
    stream->kept_count = stream->sent = stream->begun = 0;
    stream->error[0] = 0;
    stream->next_due = r->start + (stream->rate > 0 ? gap(r, stream->rate) : 0);
    if (stream->request_count == 0 || stream->connection_count == 0) return fail(stream, "nothing to send, or nobody to send it to");
    size_t capacity = stream->request_bytes_max * stream->settings.depth;
    for (int index = 0; index < stream->connection_count; index++) {
        connection *c = &stream->connections[index];
        if (c->out_capacity < 2 * capacity) {
            free(c->out);
            c->out = malloc(2 * capacity);
            if (!c->out) return fail(stream, "no memory");
            c->out_capacity = 2 * capacity;
        }
        c->waits_to_send = false;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(r->poll, EPOLL_CTL_ADD, c->descriptor, &event)) return fail(stream, "epoll: %s", strerror(errno));
    }
    return 0;
}

int load_run(load_stream *const *streams, int count, double warm_up, double seconds, uint64_t seed) {
    run r = {.streams = streams, .count = count, .random = seed | 1, .poll = epoll_create1(EPOLL_CLOEXEC)};
    r.scratch = malloc(SCRATCH_BYTES);
    prctl(PR_SET_TIMERSLACK, 1UL);
    uint64_t used = read_clock(CLOCK_THREAD_CPUTIME_ID);
    r.start = clock_now();
    r.from = r.start + (uint64_t)(warm_up * 1e9);
    r.until = r.from + (uint64_t)(seconds * 1e9);
    int outcome = r.poll < 0 || !r.scratch ? fail(streams[0], "no memory, or no descriptor") : 0;
    for (int index = 0; outcome == 0 && index < count; index++) outcome = prepare(&r, streams[index]);
    if (outcome == 0) outcome = loop(&r);
    used = read_clock(CLOCK_THREAD_CPUTIME_ID) - used;
    double share = used > r.idle ? (double)(used - r.idle) / (double)(clock_now() - r.start) : 0;
    for (int index = 0; index < count; index++) streams[index]->result.core_share = share;
    free(r.scratch);
    if (r.poll >= 0) close(r.poll);
    return outcome;
}
