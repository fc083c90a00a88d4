public import FeatureModel
internal import StorageIO

/// The result of a check of a whole log.
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

    package init() {}
}

/// Checks every durable record of a log, without a lock and without changing anything; a writer may be at work.
enum LogVerifier {
    /// - Parameters:
    ///   - directory: the log's own, `DIR/log`.
    ///   - visit: told each record that holds.
    /// - Complexity: O(bytes of the log).
    /// - Throws: `.notFound` where there is no log, `.failedPrecondition` for a newer
    ///   format, `.unavailable` for a failing disk; damage is not thrown, but reported.
    static func verify(
        storage: any Storage, directory: String, _ visit: ScrubVisit = { _ in }
    ) throws(HeadwaterError) -> LogReport {
        while true {
            let control = try? Control.load(storage, directory)
            var report = LogReport()
            do throws(HeadwaterError) {
                try read(storage, directory, into: &report, visit)
                return report
            } catch {
                // The writer may let go of segments that are still to be read. All that was read lies before them: go on where
                // the log starts now. A hole shows before the first record;
                // later damage is of a segment that was there, and counts.
                let isTrimmed = error.code == .notFound || error.code == .dataLoss && report.records == 0
                if isTrimmed, let control, let now = try? Control.load(storage, directory),
                    now.firstSegment > control.firstSegment
                {
                    continue
                }
                guard error.code == .dataLoss else { throw error }
                report.damage = error
                return report
            }
        }
    }

    private static func read(
        _ storage: any Storage, _ directory: String, into report: inout LogReport, _ visit: ScrubVisit
    ) throws(HeadwaterError) {
        report.segments = try SegmentNames.list(storage, directory).count
        _ = try LogScan.reading(storage, directory, .durable) { scanned throws(HeadwaterError) in
            report.records += 1
            report.bodyBytes += scanned.record.body.count
            if report.firstPosition == nil { report.firstPosition = scanned.record.position }
            report.lastPosition = scanned.record.position
            if let gap = scanned.record.gapPositions { report.gaps.append(gap) }
            try visit(.checked(bytes: LogFormat.recordBytes(bodyBytes: scanned.record.body.count), rows: 0))
        }
    }
}
