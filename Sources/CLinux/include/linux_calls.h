// System calls of Linux that Swift's Glibc module leaves out.
#pragma once

#include <sys/epoll.h>
#include <sys/eventfd.h>

/// accept4(2) of a connection that does not block and is not inherited by other programs.
int linux_accept(int listening);

/// The port that a TCP socket is bound to; -1 where it has none.
int linux_socket_port(int descriptor);

/// sync_file_range(2) that starts to write a part of a file to its disk, and waits only where the disk has too much to do; errors are left for fdatasync to report.
void linux_start_writing(int descriptor, long long offset, long long count);

/// At most so many heaps that threads take their memory from. By itself the C library makes eight for each core; each grows apart, and does not
/// give back what others need.
void linux_limit_heaps(int count);

/// Names the calling thread, for people who look at it from outside.
void linux_name_thread(const char *name);

/// Microseconds since the machine was started, the time that it slept included: a clock that nobody sets.
long long linux_boot_microseconds(void);

/// Half 0 or 1 of the id that the kernel draws at each start of the machine; 0 where it cannot be read.
unsigned long long linux_boot_id(int half);

/// Asks for slices of this length (0.1 to 100 ms) for the calling thread, which has the ordinary policy. A thread of shorter slices gets its
/// core sooner when it has something to do, and may keep it for less. Kernels before 6.12 do not know of it.
void linux_run_in_slices(unsigned long nanoseconds);

/// Gives the calling thread the policy SCHED_IDLE: a thread of another policy that has something to do takes its core, unless this one is still
/// owed its small share.
void linux_run_when_idle(void);
