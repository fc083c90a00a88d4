public import FeatureModel

/// The body of a get's answer and of a history's data frames: values, what was found, and when it became true.
///
/// The layout is docs/formats/wire.md: Batch ∥ statuses ∥ event times.
public struct Cells: Sendable {
    public let rowCount: Int
    /// Column `i` is output `i`.
    public let columns: [Column]
    /// One for each output.
    public let statuses: [StatusColumn]
    /// Event time of the row behind each cell, `EventTime.always` where there is none; empty where nobody asked for them,
    /// else one for each output.
    public let eventTimes: [[Microseconds]]

    /// - Precondition: each column has `rowCount` cells, so has each status column, and so has each column of event times.
    public init(rowCount: Int, columns: [Column], statuses: [StatusColumn], eventTimes: [[Microseconds]] = []) {
        precondition(columns.allSatisfy { $0.count == rowCount } && statuses.allSatisfy { $0.count == rowCount })
        precondition(eventTimes.isEmpty || eventTimes.count == statuses.count)
        precondition(eventTimes.allSatisfy { $0.count == rowCount })
        self.rowCount = rowCount
        self.columns = columns
        self.statuses = statuses
        self.eventTimes = eventTimes
    }

    public func encode() -> [UInt8] {
        let batch = Batch(rowCount: rowCount, columns: columns.enumerated().map { ($0.offset, $0.element) })
        let statusBytes = Self.statusBytes(rows: rowCount)
        var bytes: [UInt8] = []
        bytes.reserveCapacity(batch.bytes.count + statuses.count * statusBytes + eventTimes.count * rowCount * 8)
        bytes.append(contentsOf: batch.bytes)
        for status in statuses {
            bytes.append(contentsOf: status.packed)
            bytes.append(contentsOf: repeatElement(0, count: statusBytes - status.packed.count))
        }
        for times in eventTimes {
            for time in times { bytes.append(littleEndian: time) }
        }
        return bytes
    }

    /// Decodes and checks bytes of `outputCount` outputs.
    ///
    /// - Throws: `.invalidArgument` that says what is malformed.
    public init(decoding bytes: ArraySlice<UInt8>, outputCount: Int, eventTimes wantsTimes: Bool = false) throws(HeadwaterError) {
        guard bytes.count >= Batch.headerBytes else { throw HeadwaterError(.invalidArgument, "malformed cells: no batch") }
        let batchBytes = Int(bytes.littleEndian(at: 12, as: UInt32.self))
        guard batchBytes <= bytes.count else { throw HeadwaterError(.invalidArgument, "malformed cells: the batch is cut off") }
        let batch = try Batch(decoding: bytes.prefix(batchBytes))
        let rows = batch.rowCount
        rowCount = rows
        columns = batch.columns
        let statusBytes = Self.statusBytes(rows: rows)
        let expected = outputCount * (statusBytes + (wantsTimes ? rows * 8 : 0))
        guard bytes.count - batchBytes == expected else {
            throw HeadwaterError(
                .invalidArgument, "malformed cells: \(bytes.count - batchBytes) bytes behind the batch, not \(expected)")
        }
        var statuses: [StatusColumn] = []
        var eventTimes: [[Microseconds]] = []
        for output in 0..<outputCount {
            let packed = bytes.part(at: batchBytes + output * statusBytes, count: (rows + 3) / 4)
            statuses.append(try StatusColumn(packed: packed, count: rows))
            guard wantsTimes else { continue }
            let timesAt = batchBytes + outputCount * statusBytes + output * rows * 8
            eventTimes.append((0..<rows).map { bytes.littleEndian(at: timesAt + $0 * 8) })
        }
        self.statuses = statuses
        self.eventTimes = eventTimes
    }

    /// Bytes of one output's statuses: two bits a row, padded to eight bytes.
    private static func statusBytes(rows: Int) -> Int { ((rows + 3) / 4 + 7) / 8 * 8 }
}
