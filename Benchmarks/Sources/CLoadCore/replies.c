// Where replies end, in each of the protocols.
#include "core.h"

#include "CChecksum.h"

#include <string.h>

static uint32_t load32(const uint8_t *bytes) {
    uint32_t value;
    memcpy(&value, bytes, sizeof value);
    return value;
}

static size_t least(uint64_t a, size_t b) { return a < b ? (size_t)a : b; }

static int read_header(connection *c, const uint8_t *header) {
    uint16_t status;
    memcpy(&status, header + FRAME_STATUS_AT, sizeof status);
    if (load32(header) != 0x31465748) return fail(c->stream, "a reply does not start with HWF1");
    if (header[FRAME_KIND_AT] != FRAME_KIND_RESPONSE) return fail(c->stream, "a frame of kind %d, no reply", header[FRAME_KIND_AT]);
    if (status != 0) return fail(c->stream, "a reply with status %d", status);
    memcpy(&c->reply_id, header + FRAME_ID_AT, sizeof c->reply_id);
    const uint8_t *lengths = header + FRAME_LENGTHS_AT;
    c->missing = (uint64_t)load32(lengths) + load32(lengths + 4) + load32(lengths + 8);
    return 0;
}

static ptrdiff_t take_frame(connection *c, const uint8_t *bytes, size_t count, bool *is_done) {
    size_t at = 0;
    if (c->header_count < FRAME_HEADER_BYTES) {
        at = least(FRAME_HEADER_BYTES - c->header_count, count);
        const uint8_t *header = bytes;
        if (at < FRAME_HEADER_BYTES) {
            memcpy(c->header + c->header_count, bytes, at);
            header = c->header;
        }
        c->header_count += (uint32_t)at;
        if (c->header_count < FRAME_HEADER_BYTES) return (ptrdiff_t)at;
        if (read_header(c, header)) return -1;
    }
    size_t rest = least(c->missing, count - at);
    c->missing -= rest;
    *is_done = c->missing == 0;
    if (*is_done) c->header_count = 0;
    return (ptrdiff_t)(at + rest);
}

static ptrdiff_t take_fixed(connection *c, size_t count, bool *is_done) {
    size_t taken = least(c->missing, count);
    c->missing -= taken;
    *is_done = c->missing == 0;
    return (ptrdiff_t)taken;
}

/// One element is whole; true where the last command of the request is answered.
static bool end_element(connection *c) {
    if (--c->elements_missing > 0) return false;
    c->elements_missing = 1;
    return --c->replies_missing == 0;
}

/// A line is whole: a length, or an element of its own.
static int end_line(connection *c, bool *is_done) {
    switch (c->line_type) {
    case '$':
        if (!c->line_is_negative) {
            c->missing = c->line_value + 2;
            return 0;
        }
        c->stream->result.nulls++;
        break;
    case '*':
        // The array itself stands among what is missing.
        c->elements_missing += c->line_is_negative ? 0 : c->line_value;
        break;
    case '+':
    case ':': break;
    default: return fail(c->stream, "Redis answered with an error, or not in RESP: a line of type '%c'", c->line_type);
    }
    *is_done = end_element(c);
    return 0;
}

static ptrdiff_t take_resp(connection *c, const uint8_t *bytes, size_t count, bool *is_done) {
    size_t at = 0;
    while (at < count && !*is_done) {
        if (c->missing > 0) {
            size_t skipped = least(c->missing, count - at);
            c->missing -= skipped;
            at += skipped;
            if (c->missing == 0) *is_done = end_element(c);
            continue;
        }
        uint8_t byte = bytes[at++];
        if (c->line_type == 0) {
            c->line_type = (char)byte;
            c->line_value = 0;
            c->line_is_negative = false;
        } else if (byte == '\n') {
            if (end_line(c, is_done)) return -1;
            c->line_type = 0;
        } else if (byte == '-') {
            c->line_is_negative = true;
        } else if (byte >= '0' && byte <= '9') {
            c->line_value = c->line_value * 10 + (byte - '0');
        }
    }
    return (ptrdiff_t)at;
}

static int begin_reply(connection *c) {
    load_stream *stream = c->stream;
    if (c->under_way == 0) return fail(stream, "a reply that nobody asked for");
    c->is_inside = true;
    c->reply_bytes = 0;
    c->reply_id = c->oldest_id;
    c->missing = stream->settings.protocol == LOAD_FIXED ? stream->settings.reply_bytes : 0;
    c->elements_missing = 1;
    c->replies_missing = stream->replies[c->slots[c->oldest_id & c->slot_mask].request];
    c->sample_count = 0;
    c->is_sampled = c->sample && stream->begun++ % stream->settings.sample_every == 0;
    return 0;
}

ptrdiff_t take_reply(connection *c, const uint8_t *bytes, size_t count, bool *is_done) {
    if (!c->is_inside && begin_reply(c)) return -1;
    ptrdiff_t taken;
    switch (c->stream->settings.protocol) {
    case LOAD_HEADWATER: taken = take_frame(c, bytes, count, is_done); break;
    case LOAD_RESP: taken = take_resp(c, bytes, count, is_done); break;
    default: taken = take_fixed(c, count, is_done); break;
    }
    if (taken < 0) return -1;
    c->reply_bytes += (uint64_t)taken;
    if (c->is_sampled) {
        if (c->sample_count + (size_t)taken > c->stream->settings.sample_bytes_max) {
            c->is_sampled = false;
        } else {
            memcpy(c->sample + c->sample_count, bytes, (size_t)taken);
            c->sample_count += (size_t)taken;
        }
    }
    if (*is_done) c->is_inside = false;
    return taken;
}

int keep_sample(connection *c) {
    load_stream *stream = c->stream;
    if (stream->settings.protocol == LOAD_HEADWATER) {
        uint32_t expected = load32(c->sample + FRAME_CRC_AT);
        memset(c->sample + FRAME_CRC_AT, 0, sizeof expected);
        if (headwater_crc32c(0, c->sample, c->sample_count) != expected) return fail(stream, "a reply's checksum does not hold");
        memcpy(c->sample + FRAME_CRC_AT, &expected, sizeof expected);
        stream->result.checked++;
    }
    uint64_t entry[2] = {c->slots[c->reply_id & c->slot_mask].request, c->sample_count};
    if (stream->kept_count + sizeof entry + c->sample_count > stream->settings.kept_bytes_max) return 0;
    memcpy(stream->kept + stream->kept_count, entry, sizeof entry);
    memcpy(stream->kept + stream->kept_count + sizeof entry, c->sample, c->sample_count);
    stream->kept_count += sizeof entry + c->sample_count;
    return 0;
}

int append_request(connection *c, uint64_t since) {
    load_stream *stream = c->stream;
    size_t index = stream->cursor;
    stream->cursor = index + 1 == stream->request_count ? 0 : index + 1;
    size_t from = index == 0 ? 0 : stream->ends[index - 1], count = stream->ends[index] - from;
    if (c->out_at == c->out_count) c->out_at = c->out_count = 0;
    if (c->out_count + count > c->out_capacity) {
        memmove(c->out, c->out + c->out_at, c->out_count - c->out_at);
        c->out_count -= c->out_at;
        c->out_at = 0;
    }
    if (c->out_count + count > c->out_capacity) return fail(stream, "a connection has more to send than its depth allows");
    uint8_t *out = c->out + c->out_count;
    memcpy(out, stream->requests + from, count);
    if (stream->settings.protocol == LOAD_HEADWATER) {
        uint32_t crc = 0;
        memcpy(out + FRAME_ID_AT, &c->next_id, sizeof c->next_id);
        // Prepared requests have an empty head, so that the body follows the header.
        if (c->handle) memcpy(out + FRAME_HEADER_BYTES, &c->handle, sizeof c->handle);
        memcpy(out + FRAME_CRC_AT, &crc, sizeof crc);
        crc = headwater_crc32c(0, out, count);
        memcpy(out + FRAME_CRC_AT, &crc, sizeof crc);
    }
    c->slots[c->next_id & c->slot_mask] = (slot){.since = since, .request = (uint32_t)index, .is_open = true};
    c->next_id++;
    c->under_way++;
    c->out_count += count;
    stream->sent++;
    return 0;
}
