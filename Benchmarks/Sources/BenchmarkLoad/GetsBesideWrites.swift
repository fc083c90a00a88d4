public import FeatureModel

/// Gets of single rows of the table of `Rows`, alone and beside writes of single rows: one thread drives both.
///
/// All rows are written before, each by a write of its own, and go on being written in the same order.
public final class GetsBesideWrites {
    /// What gets and writes did at the same time.
    public struct Stretch: Sendable {
        public let gets: OnlineRound
        /// `nil` where nothing was written.
        public let writes: StreamResult?
    }

    private static let connections = 32
    /// In an open loop a request does not wait for the one before on its connection.
    private static let openDepth = 16

    private let closed: Contender
    private let open: Contender
    private let writes: LoadStream
    private let warmUp: Double
    private let seconds: Double

    /// Fills the store; of each stretch the first `warmUp` seconds are not measured.
    ///
    /// - Parameters:
    ///   - rows: of the table: each as likely to be asked for.
    ///   - writers: connections that write, with up to `depth` writes under way on each.
    public init(
        _ stand: HeadwaterStand, rows: Int, writers: Int, depth: Int, warmUp: Double, seconds: Double
    ) throws(HeadwaterError) {
        (self.warmUp, self.seconds) = (warmUp, seconds)
        writes = try stand.writes(stand.bodies(rows, rowsEach: 1), connections: writers, depth: depth)
        try writes.sendAll()
        func gets(depth: Int) throws(HeadwaterError) -> Contender {
            let gets = try HeadwaterGets(
                address: stand.onlineSocket, target: GetTarget([Rows.table]), connections: Self.connections, depth: depth)
            var chooser = EntityChooser(.uniform, count: rows, seed: 1)
            try gets.addRequests(rows, rows: 1, chooser: &chooser, bytesMax: .max)
            return Contender(name: "gets", stream: gets.stream, rowsEach: 1, process: stand.online) { () throws(HeadwaterError) in
                try gets.check()
            }
        }
        closed = try gets(depth: 1)
        open = try gets(depth: Self.openDepth)
    }

    /// As many gets as are answered in a closed loop with one under way on each connection, while nothing is written.
    public func capacity(seed: UInt64) throws(HeadwaterError) -> OnlineRound {
        try closed.round(warmUp: warmUp, seconds: seconds, seed: seed).round
    }

    /// Gets in an open loop, and writes too where a rate of them is given.
    public func stretch(getsPerSecond: Double, rowsPerSecond: Double?, seed: UInt64) throws(HeadwaterError) -> Stretch {
        open.stream.rate = getsPerSecond
        writes.rate = rowsPerSecond ?? 0
        let others = rowsPerSecond == nil ? [] : [writes]
        let measured = try open.round(warmUp: warmUp, seconds: seconds, seed: seed, others: others)
        return Stretch(gets: measured.round, writes: measured.others.first)
    }
}
