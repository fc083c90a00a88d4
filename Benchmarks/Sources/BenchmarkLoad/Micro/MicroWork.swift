internal import FeatureModel
internal import Foundation
internal import OnlineStore
internal import StorageIO
internal import Wire

/// One piece of the hot path, over and over, without what is around it.
public final class MicroWork {
    /// Raw values are what a table of results calls them.
    public enum Piece: String, Sendable, CaseIterable {
        case packRow = "row codec: pack 50 int64"
        case readRow = "row codec: read 50 int64 of a row"
        case upsert = "stripe: apply a record that replaces a row of 10 int64"
        case findInMap = "stripe: get a row of 10 int64"
        case findInSnapshot = "snapshot probe: get a row of 10 int64"
        case encodeFrame = "frame: encode an answer of 464 bytes"
        case decodeFrame = "frame: decode a request of 88 bytes"
    }

    private let body: () throws -> Int
    private let store: OnlineStore?
    private let directory: String

    /// - Parameters:
    ///   - rows: of the store, for the pieces that need one.
    ///   - parentDirectory: where a directory for it is made, and removed with this.
    public init(_ piece: Piece, rows: Int, parentDirectory: String) throws {
        directory = parentDirectory + "/headwater-micro-\(UInt32.random(in: 0 ... .max))"
        var store: OnlineStore?
        switch piece {
        case .packRow: body = Self.packRow()
        case .readRow: body = Self.readRow()
        case .encodeFrame: body = Self.encodeFrame()
        case .decodeFrame: body = Self.decodeFrame()
        case .upsert, .findInMap, .findInSnapshot:
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            let runner = LookupRunner(rows: rows, batch: 1, rounds: 1, seconds: 0, directory: directory)
            let filled = try runner.filledStore()
            store = filled
            if piece == .findInSnapshot {
                try filled.adopt(filled.writeSnapshot(filled.beginSnapshot(), extra: []))
                filled.returnFreedMemory()
            }
            body = piece == .upsert ? Self.upsert(filled, rows: rows) : runner.singleGets(filled)
        }
        self.store = store
    }

    /// Does it once.
    ///
    /// - Returns: something that depends on it, so that it is not left out.
    public func once() throws -> Int { try body() }

    deinit {
        store?.close()
        try? FileManager.default.removeItem(atPath: directory)
    }

    private static let columns: [Column] = (0..<50).map { feature in
        var builder = ColumnBuilder(.int64, capacity: 1)
        builder.append(int64: Int64(feature))
        return builder.finish()
    }
    private static let layout = RowLayout(types: columns.map(\.type))

    private static func packRow() -> () -> Int {
        let packed = PackedRows(columns, rows: 0..<1, layout: layout)
        var bytes: [UInt8] = []
        return {
            bytes.removeAll(keepingCapacity: true)
            packed.append(row: 0, to: &bytes)
            return bytes.count
        }
    }

    private static func readRow() -> () -> Int {
        var bytes: [UInt8] = []
        RowCodec.append(columns, row: 0, layout: layout, to: &bytes)
        return {
            var found = 0
            for feature in 0..<columns.count where unsafe !RowCodec.isNull(bytes.span.bytes, feature) {
                found &+= Int(bytes[...].littleEndian(at: layout.slots[feature], as: Int64.self))
            }
            return found
        }
    }

    private static func upsert(_ store: OnlineStore, rows: Int) -> () -> Int {
        var position = store.appliedPosition
        // Made before; a step that visits rows far from one another.
        let entries = (0..<4_096).map { LookupRunner.record(($0 * 7_919 % rows)..<($0 * 7_919 % rows + 1), position: 1).entries }
        var next = 0
        return {
            position += 1
            next = (next + 1) % entries.count
            store.apply(AppliedRecord(position: position, ingestTime: 1, .rows(entries[next])))
            return next
        }
    }

    private static func encodeFrame() -> () -> Int {
        let body = [UInt8](repeating: 7, count: 416)
        var id: UInt64 = 0
        return {
            id += 1
            return FrameEncoder.answer(.getPrepared, requestID: id, head: [], body: body[...]).byteCount
        }
    }

    private static func decodeFrame() -> () throws -> Int {
        var header = FrameHeader(.request, method: .getPrepared, requestID: 1)
        header.isEnd = true
        let frame = FrameEncoder.encode(header, head: [], body: [UInt8](repeating: 7, count: 40)[...]).bytes
        var decoder = FrameDecoder()
        return {
            decoder.receive(frame[...])
            return try decoder.next()?.body.count ?? 0
        }
    }
}
