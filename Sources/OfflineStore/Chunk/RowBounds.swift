internal import FeatureModel

/// How many rows there are, and between which times, positions and keys: what lets a read skip them.
struct RowBounds: Hashable, Sendable {
    var rowCount = 0
    var eventTimeLeast = Microseconds.max
    var eventTimeGreatest = Microseconds.min
    var positionLeast = Position.max
    var positionGreatest = Position.min
    var keyLeast: [UInt8] = []
    var keyGreatest: [UInt8] = []

    /// Takes in rows that follow, in key order.
    mutating func formUnion(following next: RowBounds) {
        if next.rowCount == 0 { return }
        if rowCount == 0 {
            self = next
            return
        }
        rowCount += next.rowCount
        eventTimeLeast = min(eventTimeLeast, next.eventTimeLeast)
        eventTimeGreatest = max(eventTimeGreatest, next.eventTimeGreatest)
        positionLeast = min(positionLeast, next.positionLeast)
        positionGreatest = max(positionGreatest, next.positionGreatest)
        keyGreatest = next.keyGreatest
    }
}
