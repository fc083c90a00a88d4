// The floor under every server: one thread and epoll, which moves the same bytes and does nothing with them.
//
// floor ADDRESS REQUEST_BYTES REPLY_BYTES [LOG]
//
// ADDRESS is a Unix socket's path or tcp:PORT on 127.0.0.1. Answers each run of REQUEST_BYTES with
// REPLY_BYTES; the replies to what one read brought go out in one call, and what the socket does not
// take waits until it does. With LOG, the requests of one round of epoll are first appended to that
// file, in zeros that were written before, and synced once: what a group commit cannot do without.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, BUFFER_BYTES = 1 << 20, LOG_BYTES = 1 << 30, EVENTS = 256 };

/// What a connection has sent of a request, and what it is owed in replies. By descriptor.
static struct {
    long pending, owed;
    bool waits;
} connections[CONNECTIONS_MAX];
static int poll_descriptor;
static char buffer[BUFFER_BYTES], group[BUFFER_BYTES];

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int listen_at(const char *address) {
    struct sockaddr_un unix_address = {.sun_family = AF_UNIX};
    struct sockaddr_in tcp_address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    bool is_tcp = !strncmp(address, "tcp:", 4);
    if (is_tcp) {
        tcp_address.sin_port = htons((unsigned short)atoi(address + 4));
    } else if (strlen(address) >= sizeof unix_address.sun_path) {
        fprintf(stderr, "floor: the socket's path is too long\n");
        exit(1);
    } else {
        strcpy(unix_address.sun_path, address);
        unlink(address);
    }
    const void *where = is_tcp ? (void *)&tcp_address : (void *)&unix_address;
    int listener = socket(is_tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0), one = 1;
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one)) die("socket");
    if (bind(listener, where, is_tcp ? sizeof tcp_address : sizeof unix_address) || listen(listener, CONNECTIONS_MAX)) die("listen");
    return listener;
}

static int open_log(const char *path) {
    int log = open(path, O_RDWR | O_CREAT, 0600);
    if (log < 0) die("log");
    for (long at = 0; at < LOG_BYTES; at += BUFFER_BYTES) {
        if (pwrite(log, group, BUFFER_BYTES, at) != BUFFER_BYTES) die("log");
    }
    if (fsync(log)) die("fsync");
    return log;
}

static void accept_one(int listener) {
    int accepted = accept4(listener, 0, 0, SOCK_NONBLOCK), one = 1;
    if (accepted < 0) return;
    if (accepted >= CONNECTIONS_MAX) {
        close(accepted);
        return;
    }
    // Not there for Unix sockets.
    setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    memset(&connections[accepted], 0, sizeof connections[accepted]);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = accepted};
    if (epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, accepted, &event)) die("epoll");
}

/// Sends what the connection is owed, as far as its socket takes it; asks to be told when it takes more.
static void send_owed(int connection) {
    long owed = connections[connection].owed;
    while (owed > 0) {
        ssize_t sent = send(connection, group, (size_t)(owed < BUFFER_BYTES ? owed : BUFFER_BYTES), MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno != EAGAIN && errno != EWOULDBLOCK) owed = 0;
        if (sent <= 0) break;
        owed -= sent;
    }
    connections[connection].owed = owed;
    if (connections[connection].waits == (owed > 0)) return;
    connections[connection].waits = owed > 0;
    struct epoll_event event = {.events = EPOLLIN | (owed > 0 ? EPOLLOUT : 0), .data.fd = connection};
    if (epoll_ctl(poll_descriptor, EPOLL_CTL_MOD, connection, &event)) die("epoll");
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: floor ADDRESS REQUEST_BYTES REPLY_BYTES [LOG]\n");
        return 2;
    }
    long request_bytes = atol(arguments[2]), reply_bytes = atol(arguments[3]);
    if (request_bytes <= 0 || reply_bytes <= 0) return 2;
    int log = count > 4 ? open_log(arguments[4]) : -1;
    int listener = listen_at(arguments[1]);
    poll_descriptor = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[EVENTS];
    if (poll_descriptor < 0 || epoll_ctl(poll_descriptor, EPOLL_CTL_ADD, listener, &event)) die("epoll");
    for (long log_at = 0, grouped = 0;;) {
        int ready = epoll_wait(poll_descriptor, events, EVENTS, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        int answered[EVENTS], answers = 0;
        for (int index = 0; index < ready; index++) {
            int connection = events[index].data.fd;
            if (connection == listener) {
                accept_one(listener);
                continue;
            }
            if (events[index].events & EPOLLOUT) send_owed(connection);
            if (!(events[index].events & ~(uint32_t)EPOLLOUT)) continue;
            ssize_t got = recv(connection, buffer, BUFFER_BYTES, 0);
            if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
            if (got <= 0) {
                close(connection);
                continue;
            }
            if (log >= 0 && grouped + got <= BUFFER_BYTES) {
                memcpy(group + grouped, buffer, (size_t)got);
                grouped += got;
            }
            long pending = connections[connection].pending + got;
            connections[connection].pending = pending % request_bytes;
            if (pending < request_bytes) continue;
            connections[connection].owed += pending / request_bytes * reply_bytes;
            answered[answers++] = connection;
        }
        if (log >= 0 && answers > 0) {
            if (log_at + grouped > LOG_BYTES) log_at = 0;
            if (pwrite(log, group, (size_t)grouped, log_at) != grouped || fdatasync(log)) die("log");
            log_at += grouped;
            grouped = 0;
        }
        for (int index = 0; index < answers; index++) send_owed(answered[index]);
    }
}
