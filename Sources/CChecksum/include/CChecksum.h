#ifndef HEADWATER_CHECKSUM_H
#define HEADWATER_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

/// CRC32C (Castagnoli, reflected polynomial 0x82F63B78) of `length` bytes, continuing from `crc` (0 to start).
/// Uses the processor's own instruction where there is one, a table otherwise; both give the same value.
uint32_t headwater_crc32c(uint32_t crc, const void *bytes, size_t length);

/// The same by table alone: the reference that the tests hold the fast path against.
uint32_t headwater_crc32c_portable(uint32_t crc, const void *bytes, size_t length);

#endif
