// The floor under every server: one thread and epoll, which moves the same bytes and does nothing with them.
//
// floor SOCKET REQUEST_BYTES REPLY_BYTES [LOG]
//
// Answers each run of REQUEST_BYTES with REPLY_BYTES. With LOG, the requests of one round of epoll are first appended to that file,
// in zeros that were written before, and synced once: what a group commit cannot do without.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CONNECTIONS_MAX = 1024, BUFFER_BYTES = 1 << 20, LOG_BYTES = 1 << 30 };

static void die(const char *what) {
    perror(what);
    exit(1);
}

static int listen_at(const char *path) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path) {
        fprintf(stderr, "floor: the socket's path is too long\n");
        exit(1);
    }
    strcpy(address.sun_path, path);
    int listener = socket(AF_UNIX, SOCK_STREAM, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, sizeof address) || listen(listener, CONNECTIONS_MAX)) die("listen");
    return listener;
}

static int open_log(const char *path) {
    static char zeros[BUFFER_BYTES];
    int log = open(path, O_RDWR | O_CREAT, 0600);
    if (log < 0) die("log");
    for (long at = 0; at < LOG_BYTES; at += BUFFER_BYTES) {
        if (pwrite(log, zeros, BUFFER_BYTES, at) != BUFFER_BYTES) die("log");
    }
    if (fsync(log)) die("fsync");
    return log;
}

static void send_all(int connection, const char *bytes, long count) {
    while (count > 0) {
        ssize_t sent = send(connection, bytes, (size_t)count, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR) continue;
        if (sent <= 0) return;
        bytes += sent;
        count -= sent;
    }
}

int main(int count, char **arguments) {
    if (count < 4) {
        fprintf(stderr, "usage: floor SOCKET REQUEST_BYTES REPLY_BYTES [LOG]\n");
        return 2;
    }
    long request_bytes = atol(arguments[2]), reply_bytes = atol(arguments[3]);
    static char buffer[BUFFER_BYTES], group[BUFFER_BYTES];
    static long pending[CONNECTIONS_MAX];
    if (request_bytes <= 0 || reply_bytes <= 0 || reply_bytes > BUFFER_BYTES) return 2;
    int log = count > 4 ? open_log(arguments[4]) : -1;
    int listener = listen_at(arguments[1]);
    int poll = epoll_create1(0);
    struct epoll_event event = {.events = EPOLLIN, .data.fd = listener}, events[256];
    if (poll < 0 || epoll_ctl(poll, EPOLL_CTL_ADD, listener, &event)) die("epoll");
    for (long log_at = 0, grouped = 0;;) {
        int ready = epoll_wait(poll, events, 256, -1);
        if (ready < 0 && errno != EINTR) die("epoll_wait");
        int answered[256];
        long replies[256];
        int answers = 0;
        for (int index = 0; index < ready; index++) {
            int connection = events[index].data.fd;
            if (connection == listener) {
                int accepted = accept(listener, 0, 0);
                if (accepted < 0) continue;
                if (accepted >= CONNECTIONS_MAX) {
                    close(accepted);
                    continue;
                }
                pending[accepted] = 0;
                event.data.fd = accepted;
                if (epoll_ctl(poll, EPOLL_CTL_ADD, accepted, &event)) die("epoll");
                continue;
            }
            ssize_t got = recv(connection, buffer, BUFFER_BYTES, 0);
            if (got <= 0) {
                close(connection);
                continue;
            }
            if (log >= 0 && grouped + got <= BUFFER_BYTES) {
                memcpy(group + grouped, buffer, (size_t)got);
                grouped += got;
            }
            pending[connection] += got;
            if (pending[connection] < request_bytes) continue;
            answered[answers] = connection;
            replies[answers++] = pending[connection] / request_bytes;
            pending[connection] %= request_bytes;
        }
        if (log >= 0 && answers > 0) {
            if (log_at + grouped > LOG_BYTES) log_at = 0;
            if (pwrite(log, group, (size_t)grouped, log_at) != grouped || fdatasync(log)) die("log");
            log_at += grouped;
            grouped = 0;
        }
        for (int index = 0; index < answers; index++) {
            for (long reply = 0; reply < replies[index]; reply++) send_all(answered[index], group, reply_bytes);
        }
    }
}
