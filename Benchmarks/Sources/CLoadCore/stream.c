// What a stream holds: its requests, its connections, its figures.
#include "core.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/// The smallest power of two that is not below `least`.
static uint32_t power_of_two(uint64_t least) {
    uint32_t power = 1;
    while (power < least) power <<= 1;
    return power;
}

int fail(load_stream *stream, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    if (!stream->error[0]) vsnprintf(stream->error, sizeof stream->error, format, arguments);
    va_end(arguments);
    return -1;
}

load_stream *load_open(const load_settings *settings) {
    load_stream *stream = calloc(1, sizeof *stream);
    if (!stream) return NULL;
    stream->settings = *settings;
    if (settings->depth == 0) stream->settings.depth = 1;
    if (settings->sample_every > 0 && settings->kept_bytes_max > 0) {
        stream->kept = malloc(settings->kept_bytes_max);
        if (!stream->kept) {
            free(stream);
            return NULL;
        }
    }
    return stream;
}

void load_close(load_stream *stream) {
    if (!stream) return;
    for (int index = 0; index < stream->connection_count; index++) {
        connection *c = &stream->connections[index];
        free(c->slots);
        free(c->queue);
        free(c->out);
        free(c->sample);
    }
    free(stream->connections);
    free(stream->requests);
    free(stream->ends);
    free(stream->replies);
    free(stream->kept);
    free(stream);
}

int load_add_request(load_stream *stream, const void *bytes, uint64_t count, uint32_t replies) {
    if (stream->requests_used + count > stream->requests_capacity) {
        size_t capacity = (stream->requests_used + count) * 2;
        uint8_t *grown = realloc(stream->requests, capacity);
        if (!grown) return -1;
        stream->requests = grown;
        stream->requests_capacity = capacity;
    }
    if (stream->request_count == stream->request_capacity) {
        size_t capacity = stream->request_capacity ? stream->request_capacity * 2 : 1024;
        uint64_t *ends = realloc(stream->ends, capacity * sizeof *ends);
        if (!ends) return -1;
        stream->ends = ends;
        uint32_t *counts = realloc(stream->replies, capacity * sizeof *counts);
        if (!counts) return -1;
        stream->replies = counts;
        stream->request_capacity = capacity;
    }
    memcpy(stream->requests + stream->requests_used, bytes, count);
    stream->requests_used += count;
    stream->ends[stream->request_count] = stream->requests_used;
    stream->replies[stream->request_count++] = replies;
    if (count > stream->request_bytes_max) stream->request_bytes_max = count;
    return 0;
}

uint64_t load_request_count(const load_stream *stream) { return stream->request_count; }
uint64_t load_request_bytes(const load_stream *stream) { return stream->requests_used; }

const uint8_t *load_request(const load_stream *stream, uint64_t index, uint64_t *count) {
    if (index >= stream->request_count) return NULL;
    uint64_t from = index == 0 ? 0 : stream->ends[index - 1];
    *count = stream->ends[index] - from;
    return stream->requests + from;
}

void load_clear_requests(load_stream *stream) { stream->requests_used = stream->request_count = stream->cursor = 0; }

int load_add_connection(load_stream *stream, int descriptor, uint64_t next_id, uint64_t handle) {
    size_t count = (size_t)stream->connection_count + 1;
    connection *grown = realloc(stream->connections, count * sizeof *grown);
    if (!grown) return -1;
    stream->connections = grown;
    connection *c = &grown[count - 1];
    // Answers may overtake one another; the spare slots are for those that wait meanwhile.
    uint32_t slots = power_of_two(4 * (uint64_t)stream->settings.depth);
    *c = (connection){
        .stream = stream, .descriptor = descriptor, .next_id = next_id, .oldest_id = next_id, .handle = handle, .slot_mask = slots - 1};
    c->slots = calloc(slots, sizeof *c->slots);
    c->queue = calloc(QUEUE_MAX, sizeof *c->queue);
    if (stream->kept) c->sample = malloc(stream->settings.sample_bytes_max);
    stream->connection_count++;
    return c->slots && c->queue && (c->sample || !stream->kept) ? 0 : -1;
}

void load_set_rate(load_stream *stream, double rate) { stream->rate = rate; }
void load_set_limit(load_stream *stream, uint64_t requests) { stream->limit = requests; }
load_result load_result_of(const load_stream *stream) { return stream->result; }
const char *load_error(const load_stream *stream) { return stream->error; }

uint64_t load_bucket_count(const load_stream *stream, uint32_t index) { return index < LOAD_BUCKETS ? stream->counts[index] : 0; }

uint64_t load_bucket_value(uint32_t index) {
    if (index < 2048) return index;
    uint32_t shift = index / 1024 - 1;
    return ((uint64_t)(index % 1024) + 1024) << shift;
}

const uint8_t *load_kept(const load_stream *stream, uint64_t *count) {
    *count = stream->kept_count;
    return stream->kept;
}
