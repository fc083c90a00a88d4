// System calls of Linux that Swift's Glibc module leaves out.
#pragma once

#include <sys/epoll.h>
#include <sys/eventfd.h>

/// accept4(2) of a connection that does not block and is not inherited by other programs.
int linux_accept(int listening);

/// The port that a TCP socket is bound to; -1 where it has none.
int linux_socket_port(int descriptor);

/// Sends one datagram to a Unix socket: of a path, or behind '@' of a name that is no file. Waits a second at most.
///
/// Returns 0, or an error number.
int linux_send_datagram(const char *name, const char *text, unsigned long count);

/// sync_file_range(2) that starts to write a part of a file to its disk, and waits
/// only where the disk has too much to do; errors are left for fdatasync to report.
void linux_start_writing(int descriptor, long long offset, long long count);

/// At most so many heaps that threads take their memory from. By itself the C library makes eight for each core; each grows
/// apart, and does not give back what others need.
void linux_limit_heaps(int count);

/// Names the calling thread, for people who look at it from outside.
void linux_name_thread(const char *name);

/// Microseconds since the machine was started, the time that it slept included: a clock that nobody sets.
long long linux_boot_microseconds(void);

/// Half 0 or 1 of the id that the kernel draws at each start of the machine; 0 where it cannot be read.
unsigned long long linux_boot_id(int half);

/// Asks for slices of this length (0.1 to 100 ms) for the calling thread, which has the ordinary policy. A thread of shorter
/// slices gets its core sooner when it has something to do, and may keep it for less. Kernels before 6.12 do not know of it.
void linux_run_in_slices(unsigned long nanoseconds);

/// Gives the calling thread the policy SCHED_IDLE: a thread of another policy that
/// has something to do takes its core, unless this one is still owed its small share.
void linux_run_when_idle(void);

/// Raises the limit of descriptors of this process as far as it may by itself.
///
/// Returns the limit.
int linux_raise_descriptor_limit(void);

/// How many descriptors are open; -1 where that cannot be known, as no more can be opened.
int linux_count_descriptors(void);

/// Whether so many more (1,024 at most) could be opened now: opens and closes them.
int linux_has_descriptors(int count);

enum { LINUX_PEER_UNKNOWN, LINUX_PEER_IPV4, LINUX_PEER_IPV6, LINUX_PEER_USER, LINUX_PEER_OWNER };

/// Who is at the other end of a connected socket: an IPv4 address, an IPv6 network
/// of 64 bits, another user of this machine or the user that this process runs as.
///
/// For people also its whole address: the halves of an IPv6 address as numbers, or an IPv4 address in `low`, with the port;
/// or the process at the other end of a Unix socket and its user.
struct linux_peer {
    unsigned kind;
    unsigned long long number;
    unsigned long long high;
    unsigned long long low;
    int port;
    int pid;
    unsigned uid;
};

struct linux_peer linux_peer_of(int descriptor);

/// Starts a detached thread. Returns 0, or an error number where there is no room for one.
int linux_start_thread(unsigned long stack_bytes, void (*body)(void *), void *context);

/// Stacks of threads that others start from now on; the C library
/// would take as much for each as a program's first thread may have.
void linux_size_stacks(unsigned long bytes);

/// What this process may have of address space; -1 where there is no limit.
long long linux_address_space_limit(void);

/// Whether so much more address space could be had now.
int linux_can_map(unsigned long long bytes);

/// Takes memory of this size and above from the system piece by piece, so that it goes back
/// when it is freed, and keeps so much of smaller pieces at the end of a heap. By itself the
/// C library keeps what was freed once, up to 32 MiB a piece, for the next that need as much.
void linux_map_large_memory(unsigned long bytes, unsigned long kept);

/// Gives memory that was freed back to the system.
void linux_trim_memory(void);
