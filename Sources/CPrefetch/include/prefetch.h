#ifndef HEADWATER_PREFETCH_H
#define HEADWATER_PREFETCH_H

/// Starts to load the cache line at `address`, which need not be valid, and does not wait for it.
///
/// Into the second level: what loads into the first has few places, and whoever asks for more waits (docs/internals/online-store.md).
static inline void headwater_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }

/// The same for a line that is written next.
static inline void headwater_prefetch_for_write(const void *address) { __builtin_prefetch(address, 1); }

#endif
