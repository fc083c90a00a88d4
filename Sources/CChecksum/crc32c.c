#include "CChecksum.h"

#include <string.h>

// Eight tables of 256 entries, filled on first use: "slicing by 8" (Intel, 2006).
static uint32_t tables[8][256];

__attribute__((constructor(101))) static void fill_tables(void) {
    for (uint32_t n = 0; n < 256; n++) {
        uint32_t crc = n;
        for (int bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0x82F63B78u & (0u - (crc & 1u)));
        tables[0][n] = crc;
    }
    for (uint32_t n = 0; n < 256; n++)
        for (int slice = 1; slice < 8; slice++)
            tables[slice][n] = (tables[slice - 1][n] >> 8) ^ tables[0][tables[slice - 1][n] & 0xFF];
}

uint32_t headwater_crc32c_portable(uint32_t crc, const void *bytes, size_t length) {
    const uint8_t *p = bytes;
    crc = ~crc;
    while (length >= 8) {
        uint32_t low = crc ^ ((uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24);
        crc = tables[7][low & 0xFF] ^ tables[6][low >> 8 & 0xFF] ^ tables[5][low >> 16 & 0xFF] ^ tables[4][low >> 24]
            ^ tables[3][p[4]] ^ tables[2][p[5]] ^ tables[1][p[6]] ^ tables[0][p[7]];
        p += 8;
        length -= 8;
    }
    while (length-- > 0) crc = (crc >> 8) ^ tables[0][(crc ^ *p++) & 0xFF];
    return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>

// One crc32 instruction takes three cycles and another may start in each: three runs of bytes,
// side by side, cost no more than one. Their checksums are joined by shifting the earlier ones
// over the bytes that follow them, which is linear: a table look-up for each of four bytes.
enum { LONG_RUN = 2048, SHORT_RUN = 128 };
static uint32_t long_shift[4][256], short_shift[4][256];

static void fill_shift(uint32_t shift[4][256], size_t run_bytes) {
    // What each single bit becomes behind `run_bytes` zeros; every other value is a sum of these.
    for (int bit = 0; bit < 32; bit++) {
        uint32_t state = 1u << bit;
        for (size_t n = 0; n < run_bytes; n++) state = (state >> 8) ^ tables[0][state & 0xFF];
        for (int value = 1 << (bit & 7); value < 256; value++)
            if (value >> (bit & 7) & 1) shift[bit >> 3][value] ^= state;
    }
}

__attribute__((constructor(102))) static void fill_shifts(void) {
    fill_shift(long_shift, LONG_RUN);
    fill_shift(short_shift, SHORT_RUN);
}

static inline uint32_t shifted(uint32_t shift[4][256], uint32_t state) {
    return shift[0][state & 0xFF] ^ shift[1][state >> 8 & 0xFF] ^ shift[2][state >> 16 & 0xFF] ^ shift[3][state >> 24];
}

static inline uint64_t word_at(const uint8_t *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

__attribute__((target("sse4.2"))) static inline uint64_t three_runs(
    uint64_t state, const uint8_t *p, size_t run_bytes, uint32_t shift[4][256]) {
    uint64_t second = 0, third = 0;
    for (size_t n = 0; n < run_bytes; n += 8) {
        state = _mm_crc32_u64(state, word_at(p + n));
        second = _mm_crc32_u64(second, word_at(p + run_bytes + n));
        third = _mm_crc32_u64(third, word_at(p + 2 * run_bytes + n));
    }
    return shifted(shift, shifted(shift, (uint32_t)state) ^ (uint32_t)second) ^ (uint32_t)third;
}

__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *p, size_t length) {
    uint64_t state = (uint32_t)~crc;
    for (; length >= 3 * LONG_RUN; p += 3 * LONG_RUN, length -= 3 * LONG_RUN) state = three_runs(state, p, LONG_RUN, long_shift);
    for (; length >= 3 * SHORT_RUN; p += 3 * SHORT_RUN, length -= 3 * SHORT_RUN) state = three_runs(state, p, SHORT_RUN, short_shift);
    for (; length >= 8; p += 8, length -= 8) state = _mm_crc32_u64(state, word_at(p));
    uint32_t small = (uint32_t)state;
    while (length-- > 0) small = _mm_crc32_u8(small, *p++);
    return ~small;
}
static int has_hardware(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *p, size_t length) {
    uint32_t state = ~crc;
    while (length >= 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        state = __crc32cd(state, word);
        p += 8;
        length -= 8;
    }
    while (length-- > 0) state = __crc32cb(state, *p++);
    return ~state;
}
static int has_hardware(void) { return 1; }
#else
static uint32_t crc32c_hardware(uint32_t crc, const uint8_t *p, size_t length) {
    return headwater_crc32c_portable(crc, p, length);
}
static int has_hardware(void) { return 0; }
#endif

uint32_t headwater_crc32c(uint32_t crc, const void *bytes, size_t length) {
    return has_hardware() ? crc32c_hardware(crc, bytes, length) : headwater_crc32c_portable(crc, bytes, length);
}
