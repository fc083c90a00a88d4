internal import FeatureModel
internal import Glibc

/// One blocking stream connection.
final class StreamSocket {
    let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 256 << 10)

    /// - Parameter address: the path of a Unix socket, or `tcp:PORT` on 127.0.0.1.
    /// - Throws: `.unavailable` where nobody listens there.
    init(connectingTo address: String) throws(HeadwaterError) {
        let isTCP = address.hasPrefix("tcp:")
        let descriptor = socket(isTCP ? AF_INET : AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw HeadwaterError(.unavailable, "no socket: errno \(errno)") }
        let isConnected = isTCP ? Self.connect(descriptor, port: address.dropFirst(4)) : Self.connect(descriptor, path: address)
        guard isConnected else {
            close(descriptor)
            throw HeadwaterError(.unavailable, "nobody listens at \(address)")
        }
        self.descriptor = descriptor
    }

    private static func connect(_ descriptor: Int32, path: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let text = Array(path.utf8)
        // The path and its zero fit into the fixed field, or nothing is connected to.
        let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in
            guard text.count < field.count else { return false }
            unsafe field.copyBytes(from: text)
            return true
        }
        return fits && connect(descriptor, address)
    }

    private static func connect(_ descriptor: Int32, port: Substring) -> Bool {
        guard let port = UInt16(port) else { return false }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var one: Int32 = 1
        unsafe setsockopt(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        return connect(descriptor, address)
    }

    /// - Parameter address: a `sockaddr_un` or `sockaddr_in`, which the system reads as far as the type is long.
    private static func connect<Address>(_ descriptor: Int32, _ address: Address) -> Bool {
        unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<Address>.size))
            } == 0
        }
    }

    deinit { close(descriptor) }

    /// Sends all of it; blocks while the other side does not read.
    func send(_ bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        var sent = 0
        while sent < bytes.count {
            let put = unsafe bytes.withUnsafeBytes { bytes in
                unsafe Glibc.send(descriptor, bytes.baseAddress! + sent, bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            if put < 0 && errno == EINTR { continue }
            guard put > 0 else { throw HeadwaterError(.unavailable, "sending failed: errno \(errno)") }
            sent += put
        }
    }

    /// What has come, at least one byte.
    func receive() throws(HeadwaterError) -> ArraySlice<UInt8> {
        while true {
            let got = unsafe buffer.withUnsafeMutableBytes { unsafe recv(descriptor, $0.baseAddress!, $0.count, 0) }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { throw HeadwaterError(.unavailable, "the server closed the connection: errno \(errno)") }
            return buffer[..<got]
        }
    }
}
