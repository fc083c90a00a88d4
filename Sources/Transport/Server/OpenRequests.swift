internal import Wire

/// The requests of one connection that have no answer yet. Lives on the loop.
///
/// It hands out exchanges and streams instead of calling them: what they call back may come back to the connection.
struct OpenRequests {
    private struct Open {
        let exchange: ServerExchange
        let inbound: InboundStream?
        /// Bytes of its data frames that no thread has taken yet.
        var inboundBytes = 0
    }

    private var open: [UInt64: Open] = [:]
    /// Bytes of all requests' data frames that no thread has taken yet.
    private(set) var inboundBytes = 0

    var isEmpty: Bool { open.isEmpty }
    var count: Int { open.count }
    var exchanges: [ServerExchange] { open.values.map(\.exchange) }

    func exchange(_ id: UInt64) -> ServerExchange? { open[id]?.exchange }
    func inbound(_ id: UInt64) -> InboundStream? { open[id]?.inbound }

    mutating func add(_ exchange: ServerExchange, _ inbound: InboundStream?) {
        open[exchange.requestID] = Open(exchange: exchange, inbound: inbound)
    }

    /// A data frame has come.
    ///
    /// - Returns: whom it is for.
    mutating func received(_ header: FrameHeader) -> InboundStream? {
        guard let found = open[header.requestID], let inbound = found.inbound, !inbound.isClosed else { return nil }
        found.exchange.received(header.frameBytes)
        open[header.requestID]!.inboundBytes += header.payloadBytes
        inboundBytes += header.payloadBytes
        return inbound
    }

    /// Bytes of data were taken.
    mutating func consumed(_ bytes: Int, _ id: UInt64) {
        guard let held = open[id]?.inboundBytes else { return }
        // Bytes that were dropped before are no longer counted.
        let taken = min(bytes, held)
        open[id]!.inboundBytes -= taken
        inboundBytes -= taken
    }

    /// Nobody takes what has come of a request's data.
    mutating func letGo(_ id: UInt64) {
        inboundBytes -= open[id]?.inboundBytes ?? 0
        open[id]?.inboundBytes = 0
    }

    /// A request is answered: what is left of its data is let go of.
    mutating func end(_ id: UInt64) {
        if let ended = open.removeValue(forKey: id) { inboundBytes -= ended.inboundBytes }
    }

    /// Ends all.
    ///
    /// - Returns: whom to tell.
    mutating func endAll() -> [(exchange: ServerExchange, inbound: InboundStream?)] {
        let all = open.values.map { ($0.exchange, $0.inbound) }
        self = OpenRequests()
        return all
    }
}
