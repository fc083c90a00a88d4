#ifndef HEADWATER_PREFETCH_H
#define HEADWATER_PREFETCH_H

/// Starts to load the cache line at `address`, which need not be valid, and does not wait for it.
static inline void headwater_prefetch(const void *address) { __builtin_prefetch(address); }

/// The same for a line that is written next.
static inline void headwater_prefetch_for_write(const void *address) { __builtin_prefetch(address, 1); }

#endif
