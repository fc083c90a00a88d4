/// One work of the offline benchmark: what each system did in alternating rounds.
public struct OfflineFigures: Encodable, Sendable {
    public enum Unit: String, Encodable, Sendable {
        case milliseconds = "ms"
        case rowsPerSecond = "M rows/s"
        case megabytes = "MB"
    }

    public let work: String
    public let unit: Unit
    /// One a round.
    public var headwater: [Double]
    /// The same of each peer; of one that is not there nothing.
    public var peers: [String: [Double]] = [:]
    /// How many times better than the best peer ours has to be; of rates the rate itself.
    public var bar: Double?
    /// What ours may take at the most.
    public var limit: Double?
    /// Memory that the work took beyond what was held before, in MB: the most of all rounds.
    public var peakMegabytes: [String: Double] = [:]
    /// In which cells a peer's answer is another than ours; `nil` where it is the same.
    public var differences: [String: String?] = [:]
    /// What else there is to say of a peer's answer.
    public var notes: [String: String] = [:]
    /// Why a peer did not do the work.
    public var failures: [String: String] = [:]

    public static let headwaterName = "Headwater"

    /// The peer of the best median.
    public var bestPeer: (name: String, value: Double)? {
        peers.map { (name: $0.key, value: Self.median($0.value)) }.min { ($0.value, $0.name) < ($1.value, $1.name) }
    }

    /// Ours against the bar: the ratio to the best peer, or the rate. `nil` where there is nothing to compare with.
    public var measured: Double? {
        unit == .rowsPerSecond ? Self.median(headwater) : bestPeer.map { $0.value / Self.median(headwater) }
    }

    /// `nil` where there is no bar, or no peer.
    public var isMet: Bool? {
        if let limit, Self.median(headwater) > limit { return false }
        guard let bar, let measured else { return nil }
        return measured >= bar
    }

    public static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
    }
}
