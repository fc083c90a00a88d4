import NIOCore

/// Whether a request names this server by a name that it has.
///
/// A page from anywhere can have its own name resolve to 127.0.0.1, and a browser then takes this server for the page's own (DNS
/// rebinding). Its requests carry that name in `Host`, and are refused: addresses, `localhost` and the names that `--http-host`
/// gives are taken.
struct HostCheck {
    private let names: Set<String>

    /// - Parameter names: beside addresses and `localhost`; `*` for any.
    init(names: [String]) { self.names = Set(names.map { $0.lowercased() }) }

    /// - Parameter host: the header's value, with or without a port.
    func admits(_ host: String) -> Bool {
        let name = Self.withoutPort(host).lowercased()
        guard !name.isEmpty else { return false }
        if names.contains("*") || names.contains(name) { return true }
        if name == "localhost" || name.hasSuffix(".localhost") { return true }
        return (try? SocketAddress(ipAddress: name, port: 0)) != nil
    }

    /// `[::1]:7072` is `::1`, `example.com.:80` is `example.com`.
    private static func withoutPort(_ host: String) -> String {
        if host.hasPrefix("[") {
            guard let end = host.firstIndex(of: "]") else { return "" }
            let rest = host[host.index(after: end)...]
            guard rest.isEmpty || rest.first == ":" else { return "" }
            return String(host[host.index(after: host.startIndex)..<end])
        }
        var name = host.firstIndex(of: ":").map { String(host[..<$0]) } ?? host
        if name.hasSuffix(".") { name.removeLast() }
        return name
    }
}
