import FeatureModel
import Log

/// The mark of trusted time beside the log, from which the next owner of the log goes on.
struct KeptClock {
    private let recordLog: any RecordLog
    private let logID: LogID
    /// The mark that stands beside the log.
    private var saved: ClockMark?

    init(_ recordLog: any RecordLog, of logID: LogID) {
        self.recordLog = recordLog
        self.logID = logID
    }

    /// Starts the clock from the mark that the last owner left, and keeps it.
    ///
    /// - Parameter notice: told where that mark is damaged, and as `keep` tells it.
    mutating func start(
        wall: Microseconds, boot: BootTime, lastIngestTime: Microseconds?, _ notice: (String) -> Void
    ) throws(HeadwaterError) -> TrustedClock {
        do throws(HeadwaterError) {
            saved = try recordLog.clockMark(of: logID)
        } catch  where error.code == .dataLoss {
            notice("\(error): how long no server ran cannot be told, so the wall clock is believed unless it is a year ahead")
        }
        let clock = TrustedClock(wall: wall, boot: boot, kept: saved, lastIngestTime: lastIngestTime)
        keep(clock, notice)
        return clock
    }

    /// Keeps a clock where it has moved since it was kept last, or always.
    ///
    /// - Parameter notice: told why it could not be kept.
    mutating func keep(_ clock: TrustedClock, always: Bool = false, _ notice: (String) -> Void) {
        guard always || clock.hasMoved(from: saved) else { return }
        saved = clock.mark
        do throws(HeadwaterError) { try recordLog.keep(clock.mark, of: logID) } catch {
            notice("the clock could not be kept beside the log: \(error)")
        }
    }
}
