#ifndef HEADWATER_LOAD_CORE_INTERNAL_H
#define HEADWATER_LOAD_CORE_INTERNAL_H

#include "CLoadCore.h"

#include <stdbool.h>
#include <stddef.h>

enum {
    FRAME_HEADER_BYTES = 48,
    FRAME_ID_AT = 8,
    FRAME_LENGTHS_AT = 16,
    FRAME_STATUS_AT = 32,
    FRAME_CRC_AT = 44,
    FRAME_KIND_AT = 5,
    FRAME_KIND_RESPONSE = 2,
    /// Requests that wait for a busy connection in an open loop.
    QUEUE_MAX = 1 << 14,
    ERROR_BYTES = 200,
};

/// A request that was sent.
typedef struct {
    /// When it was sent; open loop: when it fell due.
    uint64_t since;
    uint32_t request;
    bool is_open;
} slot;

typedef struct {
    load_stream *stream;
    int descriptor;
    uint64_t handle;
    /// Ids of requests, rising; a reply without an id is that of the oldest request.
    uint64_t next_id, oldest_id;
    uint32_t under_way;
    slot *slots;
    uint32_t slot_mask;
    /// Times at which requests fell due that are not sent yet: a ring.
    uint64_t *queue;
    uint32_t queue_at, queue_count;
    uint8_t *out;
    size_t out_at, out_count, out_capacity;
    bool waits_to_send;

    // The reply that is coming in.
    bool is_inside;
    uint64_t reply_id;
    uint64_t reply_bytes;
    uint8_t header[FRAME_HEADER_BYTES];
    uint32_t header_count;
    /// LOAD_FIXED, LOAD_HEADWATER: bytes of the reply that are missing. LOAD_RESP: bytes of a bulk string, with its end of line.
    uint64_t missing;
    /// LOAD_RESP: top-level replies of the request, and elements of the top-level reply, that are missing.
    uint64_t replies_missing, elements_missing;
    char line_type;
    bool line_is_negative;
    uint64_t line_value;
    bool is_sampled;
    uint8_t *sample;
    size_t sample_count;
} connection;

struct load_stream {
    load_settings settings;
    uint8_t *requests;
    size_t requests_used, requests_capacity;
    uint64_t *ends;
    uint32_t *replies;
    size_t request_count, request_capacity;
    size_t request_bytes_max;
    size_t cursor;
    connection *connections;
    int connection_count;
    double rate;
    uint64_t limit;

    // Of the run.
    uint64_t sent;
    uint64_t next_due;
    int next_connection;
    uint64_t begun;
    load_result result;
    uint64_t counts[LOAD_BUCKETS];
    uint8_t *kept;
    size_t kept_count;
    char error[ERROR_BYTES];
};

/// Takes bytes of one request's reply, no further than its end; sets `is_done` there. -1: the stream says why.
ptrdiff_t take_reply(connection *c, const uint8_t *bytes, size_t count, bool *is_done);
/// Puts the next request of the stream behind what the connection is to send. -1 without memory.
int append_request(connection *c, uint64_t since);
/// Checks and keeps a sampled reply that is whole.
int keep_sample(connection *c);
int fail(load_stream *stream, const char *format, ...);

#endif
