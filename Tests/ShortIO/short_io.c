// Reads and writes at offsets that are often cut short, or interrupted, as POSIX allows and disks hardly ever do.
#include "short_io.h"

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

static _Thread_local uint64_t state;

// xorshift64; each thread has its own sequence.
static uint64_t next(void) {
    if (state == 0) {
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        state = (uint64_t)now.tv_nsec * 2654435761u + (uint64_t)syscall(SYS_gettid);
    }
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

// One call in four is short, one in sixteen is interrupted before it did anything.
static ssize_t transfer(long call, int descriptor, void *bytes, size_t count, off_t offset) {
    uint64_t chance = next() % 16;
    if (chance == 0) {
        errno = EINTR;
        return -1;
    }
    if (chance <= 4 && count > 1) count = 1 + next() % (count - 1);
    return syscall(call, descriptor, bytes, count, offset);
}

ssize_t pread(int descriptor, void *bytes, size_t count, off_t offset) {
    return transfer(SYS_pread64, descriptor, bytes, count, offset);
}

ssize_t pread64(int descriptor, void *bytes, size_t count, off_t offset) {
    return transfer(SYS_pread64, descriptor, bytes, count, offset);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t offset) {
    return transfer(SYS_pwrite64, descriptor, (void *)bytes, count, offset);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off_t offset) {
    return transfer(SYS_pwrite64, descriptor, (void *)bytes, count, offset);
}
