#define _GNU_SOURCE
#include "sockets.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

int sockets_accept(int listening) { return accept4(listening, 0, 0, SOCK_NONBLOCK | SOCK_CLOEXEC); }

int sockets_port(int descriptor) {
    struct sockaddr_storage address;
    socklen_t size = sizeof address;
    if (getsockname(descriptor, (struct sockaddr *)&address, &size) != 0) return -1;
    if (address.ss_family == AF_INET) return ntohs(((struct sockaddr_in *)&address)->sin_port);
    if (address.ss_family == AF_INET6) return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return -1;
}

void sockets_name_thread(const char *name) { pthread_setname_np(pthread_self(), name); }
