#define _GNU_SOURCE
#include "linux_calls.h"

#include <fcntl.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

int linux_accept(int listening) { return accept4(listening, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int linux_socket_port(int descriptor) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) return -1;
    if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return -1;
}

void linux_start_writing(int descriptor, long long offset, long long count) {
    sync_file_range(descriptor, offset, count, SYNC_FILE_RANGE_WRITE);
}

void linux_limit_heaps(int count) {
#ifdef M_ARENA_MAX
    mallopt(M_ARENA_MAX, count);
#endif
}

long long linux_boot_microseconds(void) {
    struct timespec now;
    if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) return 0;
    return now.tv_sec * 1000000LL + now.tv_nsec / 1000;
}

unsigned long long linux_boot_id(int half) {
    // 32 hexadecimal digits with dashes between some of them.
    char text[64];
    int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
    if (file < 0) return 0;
    ssize_t count = read(file, text, sizeof text);
    close(file);
    unsigned long long halves[2] = {0, 0};
    int digits = 0;
    for (ssize_t i = 0; i < count && digits < 32; i++) {
        char letter = text[i];
        int value = letter >= '0' && letter <= '9' ? letter - '0' : letter >= 'a' && letter <= 'f' ? letter - 'a' + 10 : -1;
        if (value < 0) continue;
        halves[digits / 16] = halves[digits / 16] << 4 | (unsigned)value;
        digits++;
    }
    return digits == 32 ? halves[half & 1] : 0;
}

void linux_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }

/// sched_setattr(2), of which older C libraries know neither call nor struct.
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime, deadline, period;
};

void linux_run_in_slices(unsigned long nanoseconds) {
    struct attributes attributes = {.size = sizeof attributes};
    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
    if (attributes.policy != SCHED_OTHER) return;
    attributes.runtime = nanoseconds;
    syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void linux_run_when_idle(void) {
    struct sched_param priority = {0};
    sched_setscheduler(0, SCHED_IDLE, &priority);
}
