#define _GNU_SOURCE
#include "linux_calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
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

int linux_send_datagram(const char *name, const char *text, unsigned long count) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t length = strlen(name);
    if (length == 0 || length >= sizeof address.sun_path) return ENAMETOOLONG;
    memcpy(address.sun_path, name, length);
    // A name that is no file begins with a zero byte, and has none at its end.
    int is_abstract = name[0] == '@';
    if (is_abstract) address.sun_path[0] = 0;
    socklen_t size = offsetof(struct sockaddr_un, sun_path) + length + !is_abstract;
    int descriptor = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (descriptor < 0) return errno;
    struct timeval second = {.tv_sec = 1};
    setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &second, sizeof second);
    ssize_t sent = sendto(descriptor, text, count, MSG_NOSIGNAL, (struct sockaddr *)&address, size);
    int problem = sent < 0 ? errno : 0;
    close(descriptor);
    return problem;
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

int linux_raise_descriptor_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
    if (limit.rlim_cur < limit.rlim_max) {
        struct rlimit raised = {.rlim_cur = limit.rlim_max, .rlim_max = limit.rlim_max};
        if (setrlimit(RLIMIT_NOFILE, &raised) == 0) limit = raised;
    }
    return limit.rlim_cur > INT_MAX ? INT_MAX : (int)limit.rlim_cur;
}

int linux_count_descriptors(void) {
    DIR *directory = opendir("/proc/self/fd");
    if (!directory) return -1;
    int count = 0;
    while (readdir(directory)) count++;
    closedir(directory);
    // Without `.`, `..` and the directory's own.
    return count - 3;
}

int linux_has_descriptors(int count) {
    enum { MOST = 1024 };
    int opened[MOST];
    int got = 0;
    if (count > MOST) count = MOST;
    while (got < count && (opened[got] = eventfd(0, EFD_CLOEXEC)) >= 0) got++;
    for (int index = 0; index < got; index++) close(opened[index]);
    return got == count;
}

struct linux_peer linux_peer_of(int descriptor) {
    struct linux_peer peer = {0};
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getpeername(descriptor, (struct sockaddr *)&address, &size) != 0) return peer;
    if (address.ss_family == AF_INET) {
        peer.kind = LINUX_PEER_IPV4;
        peer.number = ((struct sockaddr_in *)&address)->sin_addr.s_addr;
        peer.low = ntohl(((struct sockaddr_in *)&address)->sin_addr.s_addr);
        peer.port = ntohs(((struct sockaddr_in *)&address)->sin_port);
    } else if (address.ss_family == AF_INET6) {
        const struct in6_addr *ip = &((struct sockaddr_in6 *)&address)->sin6_addr;
        uint32_t ipv4;
        memcpy(&ipv4, &ip->s6_addr[12], sizeof ipv4);
        peer.kind = IN6_IS_ADDR_V4MAPPED(ip) ? LINUX_PEER_IPV4 : LINUX_PEER_IPV6;
        peer.port = ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
        if (peer.kind == LINUX_PEER_IPV4) {
            peer.number = ipv4;
            peer.low = ntohl(ipv4);
        } else {
            memcpy(&peer.number, ip->s6_addr, sizeof peer.number);
            for (int i = 0; i < 8; i++) peer.high = peer.high << 8 | ip->s6_addr[i];
            for (int i = 8; i < 16; i++) peer.low = peer.low << 8 | ip->s6_addr[i];
        }
    } else {
        struct ucred credentials;
        socklen_t credentials_size = sizeof credentials;
        if (getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &credentials_size) != 0) return peer;
        peer.kind = credentials.uid == geteuid() ? LINUX_PEER_OWNER : LINUX_PEER_USER;
        peer.number = credentials.uid;
        peer.pid = credentials.pid;
        peer.uid = credentials.uid;
    }
    return peer;
}

struct thread_start {
    void (*body)(void *);
    void *context;
};

static void *run_thread(void *start) {
    struct thread_start own = *(struct thread_start *)start;
    free(start);
    own.body(own.context);
    return 0;
}

int linux_start_thread(unsigned long stack_bytes, void (*body)(void *), void *context) {
    struct thread_start *start = malloc(sizeof *start);
    if (!start) return ENOMEM;
    *start = (struct thread_start){body, context};
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, stack_bytes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_t thread;
    int code = pthread_create(&thread, &attributes, run_thread, start);
    pthread_attr_destroy(&attributes);
    if (code != 0) free(start);
    return code;
}

void linux_size_stacks(unsigned long bytes) {
#ifdef __GLIBC__
    pthread_attr_t attributes;
    if (pthread_getattr_default_np(&attributes) != 0) return;
    pthread_attr_setstacksize(&attributes, bytes);
    pthread_setattr_default_np(&attributes);
    pthread_attr_destroy(&attributes);
#endif
}

long long linux_address_space_limit(void) {
    struct rlimit limit;
    if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) return -1;
    return (long long)limit.rlim_cur;
}

int linux_can_map(unsigned long long bytes) {
    void *memory = mmap(0, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) return 0;
    munmap(memory, bytes);
    return 1;
}

void linux_map_large_memory(unsigned long bytes, unsigned long kept) {
#ifdef __GLIBC__
    // Naming one of them ends their adaptation to what the program does.
    mallopt(M_MMAP_THRESHOLD, (int)bytes);
    mallopt(M_TRIM_THRESHOLD, (int)kept);
#endif
}

void linux_trim_memory(void) {
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}
