#ifndef HEADWATER_PREFETCH_H
#define HEADWATER_PREFETCH_H

#if defined(__linux__)
#include <features.h>
#endif
#ifdef __GLIBC__
#include <malloc.h>
#endif

/// Starts to load the cache line at `address`, which need not be valid, and does not wait for it.
///
/// Into the second level: what loads into the first has few places,
/// and whoever asks for more waits (docs/internals/online-store.md).
static inline void headwater_prefetch(const void *address) { __builtin_prefetch(address, 0, 2); }

/// The same for a line that is written next.
static inline void headwater_prefetch_for_write(const void *address) { __builtin_prefetch(address, 1); }

/// Gives whole pages of freed memory, which malloc holds on to, back to the system: milliseconds for each gibibyte.
static inline void headwater_return_freed_pages(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

#endif
