import Glibc

/// A connected Unix socket that sends what it is told and never blocks: what hostile clients are made of. For one thread.
public final class RawSocket {
    private var descriptor: Int32

    /// - Throws: where nobody listens at `path`, or there is no room for a socket.
    public init(path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw RawSocketError(code: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { bytes in
            for (index, byte) in path.utf8.enumerated() where index < bytes.count - 1 { unsafe bytes[index] = byte }
        }
        let connected = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard connected == 0 else {
            let code = errno
            close()
            throw RawSocketError(code: code)
        }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close() }

    /// Sends as much as the system takes now.
    ///
    /// - Returns: how many bytes it took; `nil` where the connection is over.
    @discardableResult
    public func send(_ bytes: ArraySlice<UInt8>) -> Int? {
        if bytes.isEmpty { return 0 }
        let count = unsafe bytes.withUnsafeBytes { unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        if count >= 0 { return count }
        return errno == EAGAIN || errno == EINTR ? 0 : nil
    }

    /// Sends all, waiting where it must.
    ///
    /// - Returns: `false` where the connection is over, or the time.
    @discardableResult
    public func sendAll(_ bytes: [UInt8], seconds: Double = 10) -> Bool {
        var rest = bytes[...]
        let deadline = ContinuousClock.now + .seconds(seconds)
        while !rest.isEmpty {
            guard let count = send(rest), ContinuousClock.now < deadline else { return false }
            rest = rest.dropFirst(count)
            if count == 0 { usleep(1_000) }
        }
        return true
    }

    /// What has come, no more than `bytesMax`; empty where nothing has, `nil` where the connection is over.
    public func receive(bytesMax: Int = 64 << 10) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: bytesMax)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress, $0.count, 0) }
        if count > 0 { return Array(bytes[..<count]) }
        return count < 0 && (errno == EAGAIN || errno == EINTR) ? [] : nil
    }

    /// Waits until something has come, or the connection is over, no longer than this.
    public func waitUntilReadable(milliseconds: Int32) {
        var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        _ = unsafe poll(&wanted, 1, milliseconds)
    }

    public func close() {
        if descriptor >= 0 { _ = Glibc.close(descriptor) }
        descriptor = -1
    }

    /// Lets this process have as many sockets as the system allows it.
    public static func raiseLimit() {
        var limit = rlimit()
        unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = limit.rlim_max
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}

public struct RawSocketError: Error {
    /// errno.
    public let code: Int32
}
