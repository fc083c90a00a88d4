public import FeatureModel
package import NIOCore

/// The address on which a server listens or is reached: `HOST:PORT` or
/// `unix:PATH`; `*:PORT` listens on all IPv4 and IPv6 addresses of the machine.
public enum Endpoint: Hashable, Sendable, CustomStringConvertible {
    case tcp(host: String, port: Int)
    case unix(path: String)

    /// Bytes of a Unix socket's path that the system takes.
    static let unixPathBytesMax = 107

    /// Parses `HOST:PORT`, `[IPv6]:PORT` or `unix:PATH`.
    ///
    /// - Throws: `.invalidArgument` that says what an address looks like.
    public init(_ text: String) throws(HeadwaterError) {
        func refuse(_ why: String) -> HeadwaterError {
            HeadwaterError(.invalidArgument, "address '\(text)': \(why); use HOST:PORT, such as 127.0.0.1:7070, or unix:PATH")
        }
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard !path.isEmpty, !path.utf8.contains(0) else { throw refuse("a path is missing") }
            guard path.utf8.count <= Self.unixPathBytesMax else {
                throw refuse("the path of a socket has at most \(Self.unixPathBytesMax) bytes")
            }
            self = .unix(path: path)
            return
        }
        guard let colon = text.lastIndex(of: ":") else { throw refuse("a port is missing") }
        let digits = text[text.index(after: colon)...]
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) }), let port = UInt16(digits) else {
            throw refuse("the port is not a number from 0 to 65535")
        }
        var host = String(text[..<colon])
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = String(host.dropFirst().dropLast())
        } else if host.contains(":") {
            throw refuse("an IPv6 host stands in brackets")
        }
        guard !host.isEmpty else { throw refuse("a host is missing") }
        self = .tcp(host: host, port: Int(port))
    }

    public var description: String {
        switch self {
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unix(let path): "unix:\(path)"
        }
    }

    /// Whether it stands for all addresses of a machine: `*:7070`.
    var isEveryAddress: Bool { if case .tcp("*", _) = self { Self.hasIPv6 } else { false } }

    private static let hasIPv6 = Socket.canOpenIPv6()

    /// Whether other machines can reach it, as far as its text says: of a name that is known only once it was looked up.
    public var letsOthersIn: Bool {
        guard case .tcp(let host, let port) = self else { return false }
        if host == "*" { return true }
        return (try? SocketAddress(ipAddress: host, port: port)).map { !$0.isLocal } ?? false
    }

    /// The socket address; looks the host up, which may block.
    package func resolved() throws(HeadwaterError) -> SocketAddress {
        do {
            switch self {
            case .tcp("*", let port):
                // All addresses of both families; where the machine has no IPv6, of the one it has.
                return Self.hasIPv6
                    ? try SocketAddress(ipAddress: "::", port: port) : try SocketAddress(ipAddress: "0.0.0.0", port: port)
            case .tcp(let host, let port): return try SocketAddress.makeAddressResolvingHost(host, port: port)
            case .unix(let path): return try SocketAddress(unixDomainSocketPath: path)
            }
        } catch {
            throw HeadwaterError(.invalidArgument, "address '\(self)' is not known here: \(error)")
        }
    }
}

extension SocketAddress {
    /// Whether only this machine can reach the address.
    package var isLocal: Bool {
        guard let ip = ipAddress else { return true }
        return ip.hasPrefix("127.") || ip == "::1"
    }
}
