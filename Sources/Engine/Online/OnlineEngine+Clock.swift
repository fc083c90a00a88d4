import FeatureModel
import Log

/// Trusted time across lives of the owner: what it left beside the log.
extension OnlineEngine {
    func startClock(wall: Microseconds, boot: BootTime, _ notice: (String) -> Void) throws(HeadwaterError) {
        do throws(HeadwaterError) {
            savedClock = try recordLog.clockMark(of: log.logID)
        } catch  where error.code == .dataLoss {
            notice("\(error): how long no server ran cannot be told, so the wall clock is believed unless it is a year ahead")
        }
        let clock = TrustedClock(wall: wall, boot: boot, kept: savedClock, lastIngestTime: log.lastIngestTime)
        clockAtOpen = clock
        keep(clock, notice)
    }

    /// Puts the clock beside the log where it has moved since it was
    /// put there: in the order of writes, for this waits for the disk.
    ///
    /// - Parameters:
    ///   - atEnd: also where it has hardly moved: a store that is only read is in use too.
    ///   - notice: told why it could not be kept; the clock goes on, only a
    ///     restart would know less, and it is tried again when it has moved on.
    public func keep(_ clock: TrustedClock, atEnd: Bool = false, _ notice: (String) -> Void) {
        guard failure == nil, atEnd || clock.hasMoved(from: savedClock) else { return }
        savedClock = clock.mark
        do throws(HeadwaterError) { try recordLog.keep(clock.mark, of: log.logID) } catch {
            notice("the clock could not be kept beside the log: \(error)")
        }
    }
}
