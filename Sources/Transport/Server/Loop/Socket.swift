internal import CLinux
internal import Glibc
internal import NIOCore

/// A stream socket that never blocks. Whoever holds it closes it, once.
struct Socket {
    let descriptor: Int32

    enum ReadOutcome {
        case bytes(Int)
        case notReady
        /// The other side sends no more.
        case ended
        case failed
    }

    enum SendOutcome {
        /// The kernel has taken all.
        case all
        /// It has taken a part, or nothing: wait until it is writable.
        case part
        case failed
    }

    enum AcceptOutcome {
        case socket(Socket)
        case notReady
        /// This connection broke before it was accepted; there may be others.
        case aborted
        /// The process or the machine has no room for a socket now.
        case noRoom
        case failed
    }

    /// Reads what is there, no more than `bytesMax`, behind what the buffer holds.
    func read(into buffer: inout ByteBuffer, bytesMax: Int) -> ReadOutcome {
        var (count, code) = (0, Int32(0))
        unsafe buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: bytesMax) { memory in
            count = unsafe recv(descriptor, memory.baseAddress, bytesMax, 0)
            code = errno
            return max(0, count)
        }
        if count > 0 { return .bytes(count) }
        if count == 0 { return .ended }
        return code == EAGAIN || code == EINTR ? .notReady : .failed
    }

    /// Sends from the front of the buffer, and moves its reader index behind what the kernel took.
    ///
    /// - Parameter bytesMax: given to the kernel at most; `.all` means that it took as much as it was given.
    func send(_ buffer: inout ByteBuffer, bytesMax: Int) -> SendOutcome {
        let (count, outcome) = unsafe buffer.withUnsafeReadableBytes { unsafe send($0, bytesMax: bytesMax) }
        buffer.moveReaderIndex(forwardBy: count)
        return outcome
    }

    /// Sends from the front of a body, and drops what the kernel took.
    func send(_ bytes: inout ArraySlice<UInt8>, bytesMax: Int) -> SendOutcome {
        let (count, outcome) = unsafe bytes.withUnsafeBytes { unsafe send($0, bytesMax: bytesMax) }
        bytes = bytes.dropFirst(count)
        return outcome
    }

    private func send(_ bytes: UnsafeRawBufferPointer, bytesMax: Int) -> (count: Int, outcome: SendOutcome) {
        let wanted = min(bytes.count, bytesMax)
        while wanted > 0 {
            let count = unsafe Glibc.send(descriptor, bytes.baseAddress, wanted, Int32(MSG_NOSIGNAL))
            // A part means that the kernel's memory for this socket is full.
            if count > 0 { return (count, count == wanted ? .all : .part) }
            if errno == EINTR { continue }
            return (0, errno == EAGAIN || errno == ENOBUFS ? .part : .failed)
        }
        return (0, .all)
    }

    /// Says that we send no more.
    func endOutput() { _ = shutdown(descriptor, Int32(SHUT_WR)) }

    func close() { _ = Glibc.close(descriptor) }

    /// The next connection of a listening socket.
    func accept() -> AcceptOutcome {
        let accepted = linux_accept(descriptor)
        if accepted >= 0 { return .socket(Socket(descriptor: accepted)) }
        switch errno {
        case EAGAIN: return .notReady
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .noRoom
        // accept(2): errors of the network that wait on the new socket are the connection's own.
        case EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTDOWN, EHOSTUNREACH, ENETUNREACH, ENOPROTOOPT, ENONET, EOPNOTSUPP, EPERM:
            return .aborted
        default: return .failed
        }
    }

    /// Sends small answers without waiting for more to go with them.
    func sendAtOnce() { set(Int32(IPPROTO_TCP), TCP_NODELAY, 1) }

    private func set(_ level: Int32, _ option: Int32, _ value: Int32) {
        var value = value
        _ = unsafe setsockopt(descriptor, level, option, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    // MARK: Listening

    /// A socket that listens at an address.
    ///
    /// - Parameters:
    ///   - backlog: connections that may wait to be accepted.
    ///   - bothFamilies: an IPv6 address that stands for all takes IPv4 clients too, whatever the machine's setting is.
    static func listening(
        at address: SocketAddress, backlog: Int32, bothFamilies: Bool = false
    ) throws(SystemFailure) -> Socket {
        let socket = try open(address)
        if bothFamilies { socket.set(Int32(IPPROTO_IPV6), IPV6_V6ONLY, 0) }
        do throws(SystemFailure) {
            if case .unixDomainSocket = address {} else { socket.set(SOL_SOCKET, SO_REUSEADDR, 1) }
            let bound = unsafe address.withSockAddr { unsafe bind(socket.descriptor, $0, socklen_t($1)) }
            guard bound == 0 else { throw SystemFailure("bind") }
            guard listen(socket.descriptor, backlog) == 0 else { throw SystemFailure("listen") }
            return socket
        } catch {
            socket.close()
            throw error
        }
    }

    /// Whether a file that is no socket stands at a path: nobody can listen there, and nobody does.
    static func isOtherFile(_ path: String) throws(SystemFailure) -> Bool {
        var status = stat()
        while unsafe lstat(path, &status) != 0 {
            if errno == ENOENT { return false }
            guard errno == EINTR else { throw SystemFailure("lstat") }
        }
        return status.st_mode & S_IFMT != S_IFSOCK
    }

    /// Removes a Unix socket's file; any other file stays, and then nobody can listen there.
    static func removeFile(_ path: String) throws(SystemFailure) {
        var status = stat()
        while unsafe lstat(path, &status) != 0 {
            if errno == ENOENT { return }
            guard errno == EINTR else { throw SystemFailure("lstat") }
        }
        guard status.st_mode & S_IFMT == S_IFSOCK else { return }
        while unsafe unlink(path) != 0 {
            if errno == ENOENT { return }
            guard errno == EINTR else { throw SystemFailure("unlink") }
        }
    }

    /// Whether somebody listens at a Unix socket's path.
    ///
    /// - Throws: where that cannot be known.
    static func isListening(at address: SocketAddress) throws(SystemFailure) -> Bool {
        let socket = try open(address)
        defer { socket.close() }
        while unsafe address.withSockAddr({ unsafe connect(socket.descriptor, $0, socklen_t($1)) }) != 0 {
            switch errno {
            case EINTR: continue
            // A full backlog is somebody's too.
            case EAGAIN, EISCONN: return true
            case ECONNREFUSED, ENOENT: return false
            default: throw SystemFailure("connect")
            }
        }
        return true
    }

    /// Whether the machine has IPv6.
    static func canOpenIPv6() -> Bool {
        let descriptor = Glibc.socket(AF_INET6, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        Socket(descriptor: descriptor).close()
        return true
    }

    private static func open(_ address: SocketAddress) throws(SystemFailure) -> Socket {
        let kind = Int32(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue)
        let descriptor = socket(address.protocol.rawValue, kind, 0)
        guard descriptor >= 0 else { throw SystemFailure("socket") }
        return Socket(descriptor: descriptor)
    }

    /// The port that it is bound to; `nil` where it has none.
    var port: Int? {
        let port = linux_socket_port(descriptor)
        return port < 0 ? nil : Int(port)
    }
}
