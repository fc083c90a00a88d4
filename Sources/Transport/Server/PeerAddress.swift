internal import CLinux
internal import NIOCore

/// Where a connection comes from, for people.
struct PeerAddress: Hashable, Sendable {
    private enum Kind: Hashable { case unknown, ipv4, ipv6, unix }

    private let kind: Kind
    private let high: UInt64
    private let low: UInt64
    private let port: Int
    private let pid: Int
    private let uid: UInt32

    init(of socket: Socket) {
        let peer = linux_peer_of(socket.descriptor)
        kind =
            switch peer.kind {
            case UInt32(LINUX_PEER_IPV4): .ipv4
            case UInt32(LINUX_PEER_IPV6): .ipv6
            case UInt32(LINUX_PEER_USER), UInt32(LINUX_PEER_OWNER): .unix
            default: .unknown
            }
        (high, low, port, pid, uid) = (peer.high, peer.low, Int(peer.port), Int(peer.pid), peer.uid)
    }

    /// `127.0.0.1:4711`, `[::1]:4711` or `unix pid=4711 uid=1000`.
    var text: String {
        switch kind {
        case .unknown: "unknown"
        case .unix: "unix pid=\(pid) uid=\(uid)"
        case .ipv4: "\(low >> 24 & 255).\(low >> 16 & 255).\(low >> 8 & 255).\(low & 255):\(port)"
        case .ipv6: "[\(ipv6)]:\(port)"
        }
    }

    private var ipv6: String {
        var bytes = ByteBuffer()
        bytes.writeInteger(high)
        bytes.writeInteger(low)
        return (try? SocketAddress(packedIPAddress: bytes, port: port))?.ipAddress ?? "unknown"
    }
}
