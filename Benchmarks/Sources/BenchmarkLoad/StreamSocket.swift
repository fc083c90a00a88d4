internal import FeatureModel
internal import Glibc

/// One blocking stream connection to a Unix socket.
final class StreamSocket {
    let descriptor: Int32
    private var buffer = [UInt8](repeating: 0, count: 256 << 10)

    /// - Throws: `.unavailable` where nobody listens at `path`.
    init(connectingTo path: String) throws(HeadwaterError) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { throw HeadwaterError(.unavailable, "no socket: errno \(errno)") }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let text = Array(path.utf8)
        // The path and its zero fit into the fixed field, or nothing is connected to.
        let fits = unsafe withUnsafeMutableBytes(of: &address.sun_path) { field in
            guard text.count < field.count else { return false }
            unsafe field.copyBytes(from: text)
            return true
        }
        let outcome = unsafe withUnsafePointer(to: address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard fits, outcome == 0 else {
            close(descriptor)
            throw HeadwaterError(.unavailable, "nobody listens at \(path)")
        }
        self.descriptor = descriptor
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
