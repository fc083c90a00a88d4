import Transport

/// Where a collector takes spans by OTLP over HTTP: `http://HOST[:PORT][/PATH]`, to which `/v1/traces` is added.
package struct CollectorURL: Sendable, CustomStringConvertible {
    static let portOfOTLP = 4_318

    let endpoint: Endpoint
    /// As the header `host` names it.
    let host: String
    let path: String

    /// `nil` for what is no such URL.
    package init?(_ text: String) {
        guard text.hasPrefix("http://") else { return nil }
        let rest = text.dropFirst("http://".count)
        let authority = rest.prefix { $0 != "/" }
        guard !authority.isEmpty, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }), !text.contains(where: { "@?#".contains($0) })
        else { return nil }
        let hasPort = authority.drop { $0 != "]" }.contains(":") || !authority.hasPrefix("[") && authority.contains(":")
        let address = hasPort ? String(authority) : "\(authority):\(Self.portOfOTLP)"
        guard let endpoint = try? Endpoint(address), case .tcp = endpoint else { return nil }
        (self.endpoint, host) = (endpoint, address)
        var path = rest.drop { $0 != "/" }
        while path.last == "/" { path.removeLast() }
        self.path = "\(path)/v1/traces"
    }

    package var description: String { "http://\(host)\(path)" }
}
