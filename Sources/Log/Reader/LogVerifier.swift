public import FeatureModel
public import StorageIO

/// What a check of a whole log found.
public struct LogReport: Sendable {
    public var segments = 0
    public var records = 0
    /// Bytes of all bodies.
    public var bodyBytes = 0
    public var firstPosition: Position?
    public var lastPosition: Position?
    /// Positions that recoveries skipped.
    public var gaps: [ClosedRange<Position>] = []
    /// The first damage, with `file:offset`; `nil` where everything holds. The counts are then those up to there.
    public var damage: HeadwaterError?
}

/// Checks every durable record of a log, without a lock and without changing anything; a writer may be at work.
public enum LogVerifier {
    /// - Parameters:
    ///   - directory: the log's own, `DIR/log`.
    ///   - visit: told each record that holds.
    /// - Complexity: O(bytes of the log).
    /// - Throws: `.notFound` where there is no log, `.failedPrecondition` for a newer format, `.unavailable` for a failing disk; damage
    ///   is not thrown, but reported.
    public static func verify(
        storage: any Storage, directory: String, _ visit: ScrubVisit = { _ in }
    ) throws(HeadwaterError) -> LogReport {
        var report = LogReport()
        do throws(HeadwaterError) {
            report.segments = try SegmentNames.list(storage, directory).count
            _ = try LogScan.reading(storage, directory, .durable) { scanned throws(HeadwaterError) in
                report.records += 1
                report.bodyBytes += scanned.record.body.count
                if report.firstPosition == nil { report.firstPosition = scanned.record.position }
                report.lastPosition = scanned.record.position
                if let gap = scanned.record.gapPositions { report.gaps.append(gap) }
                try visit(.checked(bytes: LogFormat.recordBytes(bodyBytes: scanned.record.body.count), rows: 0))
            }
        } catch  where error.code == .dataLoss {
            report.damage = error
        }
        return report
    }
}
