// Of Linux's sockets and threads, what Swift's Glibc module leaves out.
#pragma once

#include <sys/epoll.h>
#include <sys/eventfd.h>

/// accept4(2) of a connection that does not block and is not inherited by other programs.
int sockets_accept(int listening);

/// The port that a TCP socket is bound to; -1 where it has none.
int sockets_port(int descriptor);

/// Names the calling thread, for people who look at it from outside.
void sockets_name_thread(const char *name);
