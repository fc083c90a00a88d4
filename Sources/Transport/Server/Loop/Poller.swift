internal import CLinux
internal import Glibc

/// The events that a socket is polled for, or that were found.
struct Readiness: OptionSet {
    let rawValue: UInt32

    static let readable = Readiness(rawValue: EPOLLIN.rawValue)
    static let writable = Readiness(rawValue: EPOLLOUT.rawValue)
    /// Both directions have ended, or the connection broke; it is reported without being asked for.
    static let broken = Readiness(rawValue: EPOLLERR.rawValue | EPOLLHUP.rawValue)
}

/// The kernel's list of sockets whose readiness one thread waits for: epoll(7), level-triggered.
///
/// `ring` is for any thread, `wait` for one.
final class Poller: Sendable {
    /// Notices taken at once: as many as Swift keeps on the stack (1,024
    /// bytes), so that a turn allocates nothing. The rest comes next.
    static let noticesMax = 80
    /// Stands for the bell.
    private static let bellToken = UInt64.max

    private let epoll: Int32
    private let bell: Int32

    init() throws(SystemFailure) {
        epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard epoll >= 0 else { throw SystemFailure("epoll_create1") }
        bell = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
        guard bell >= 0 else {
            let failure = SystemFailure("eventfd")
            close(epoll)
            throw failure
        }
        try change(EPOLL_CTL_ADD, bell, Self.bellToken, .readable)
    }

    deinit {
        close(bell)
        close(epoll)
    }

    /// - Parameter token: what notices name the socket by.
    func add(_ descriptor: Int32, token: UInt64, for interest: Readiness) throws(SystemFailure) {
        try change(EPOLL_CTL_ADD, descriptor, token, interest)
    }

    func modify(_ descriptor: Int32, token: UInt64, for interest: Readiness) throws(SystemFailure) {
        try change(EPOLL_CTL_MOD, descriptor, token, interest)
    }

    private func change(
        _ operation: Int32, _ descriptor: Int32, _ token: UInt64, _ interest: Readiness
    ) throws(SystemFailure) {
        var event = unsafe epoll_event(events: interest.rawValue, data: epoll_data_t(u64: token))
        guard unsafe epoll_ctl(epoll, operation, descriptor, &event) == 0 else { throw SystemFailure("epoll_ctl") }
    }

    /// Ends the wait of the thread that waits, or its next one.
    func ring() {
        var one: UInt64 = 1
        // It can only fail where the bell rings already.
        _ = unsafe write(bell, &one, 8)
    }

    /// Waits until a socket is ready, somebody rings or the time is up.
    ///
    /// - Parameters:
    ///   - timeoutMilliseconds: below zero: for ever.
    ///   - noticesMax: of how many sockets is told at once; of the others next.
    ///   - woken: called when the wait is over.
    ///   - body: called with the token of each socket that is ready; where it says so, the others are told of next.
    func wait(timeoutMilliseconds: Int32, noticesMax: Int, woken: () -> Void, body: (UInt64, Readiness) -> Bool) {
        unsafe withUnsafeTemporaryAllocation(of: epoll_event.self, capacity: Self.noticesMax) { notices in
            let count = unsafe epoll_wait(epoll, notices.baseAddress!, Int32(noticesMax), timeoutMilliseconds)
            woken()
            // The count is below zero after a signal: nothing is ready.
            for index in 0..<Int(max(0, count)) {
                let notice = unsafe notices[index]
                let token = unsafe notice.data.u64
                if token == Self.bellToken {
                    var rings: UInt64 = 0
                    _ = unsafe read(bell, &rings, 8)
                } else {
                    guard body(token, Readiness(rawValue: unsafe notice.events)) else { return }
                }
            }
        }
    }
}
