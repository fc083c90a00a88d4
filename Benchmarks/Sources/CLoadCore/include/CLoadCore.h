#ifndef HEADWATER_LOAD_CORE_H
#define HEADWATER_LOAD_CORE_H

// The inner loop of the load generator: prepared requests out, whole replies counted, one thread, no allocation per request.
//
// A stream is one kind of request over some connections to one server. A run drives one or several streams together: each in a
// closed loop (as many requests under way as its depth allows) or an
// open one (requests fall due by a schedule and wait if they must).

#include <stdint.h>

/// How the replies of a system are told apart.
enum {
    /// Every reply has the same length.
    LOAD_FIXED = 0,
    /// Frames of docs/formats/wire.md: ids and checksums of requests are set before sending.
    LOAD_HEADWATER = 1,
    /// RESP: a request is some commands, each with one reply.
    LOAD_RESP = 2,
};

typedef struct load_stream load_stream;

typedef struct {
    int protocol;
    /// Requests under way on a connection.
    uint32_t depth;
    /// LOAD_FIXED: the length of a reply.
    uint64_t reply_bytes;
    /// One reply in so many is checked (LOAD_HEADWATER: its checksum) and kept; 0: none.
    uint64_t sample_every;
    /// A longer reply is not sampled.
    uint64_t sample_bytes_max;
    /// Kept replies of one run.
    uint64_t kept_bytes_max;
} load_settings;

typedef struct {
    /// Answered inside the measured window; open loop: fell due inside it.
    uint64_t requests;
    /// Answered in the whole run, warm-up and tail included.
    uint64_t requests_all;
    /// Of the replies that were answered inside the window.
    uint64_t reply_bytes;
    /// From the run's start to this stream's last answer.
    uint64_t elapsed_nanoseconds;
    uint64_t max_nanoseconds;
    /// Open loop: fell due and were never sent, as the queue was full or the run over.
    uint64_t unsent;
    /// Replies whose checksum was checked.
    uint64_t checked;
    /// Null bulk strings (LOAD_RESP).
    uint64_t nulls;
    /// Of the whole run, for all its streams: the share of its core that the thread used, without looks that found nothing to do.
    double core_share;
} load_result;

/// `NULL` where there is no memory.
load_stream *load_open(const load_settings *settings);
void load_close(load_stream *stream);

/// Adds a request to those sent in turn; `replies` are its top-level replies (LOAD_RESP). 0, or -1 without memory.
int load_add_request(load_stream *stream, const void *bytes, uint64_t count, uint32_t replies);
uint64_t load_request_count(const load_stream *stream);
uint64_t load_request_bytes(const load_stream *stream);
/// The bytes of a request as it was added.
const uint8_t *load_request(const load_stream *stream, uint64_t index, uint64_t *count);
void load_clear_requests(load_stream *stream);

/// Adds a connected socket, which the caller keeps open. `handle`, if not 0, is put into the first 8 bytes of each body.
int load_add_connection(load_stream *stream, int descriptor, uint64_t next_id, uint64_t handle);

/// Requests a second by a Poisson process; 0: closed loop.
void load_set_rate(load_stream *stream, double rate);
/// Ends a closed loop's sending after so many requests; 0: no limit. The count starts with each run.
void load_set_limit(load_stream *stream, uint64_t requests);

/// Drives `streams` for `warm_up` and then `seconds`, or until all that have limits reached them and no other is left.
/// Every request is answered when it returns, or it has failed. 0, or -1: one of the streams says why.
int load_run(load_stream *const *streams, int count, double warm_up, double seconds, uint64_t seed);

load_result load_result_of(const load_stream *stream);
/// Why the run failed; empty where it was not this stream.
const char *load_error(const load_stream *stream);

/// Latencies of the window, as counts: bucket `index` holds values from `load_bucket_value(index)`, less than 0.1 % wide.
enum { LOAD_BUCKETS = 31 * 1024 };
uint64_t load_bucket_count(const load_stream *stream, uint32_t index);
uint64_t load_bucket_value(uint32_t index);

/// Bytes of the kept replies: {u64 index of the request, u64 length, bytes}.
const uint8_t *load_kept(const load_stream *stream, uint64_t *count);

#endif
