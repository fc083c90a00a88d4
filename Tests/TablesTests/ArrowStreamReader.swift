import FeatureModel

/// Reads an Arrow stream of the engine's types, by Arrow's format and nothing of the writer. It refuses what verifiers refuse:
/// values that are not aligned, offsets that point outside, buffers that overlap.
struct ArrowStreamReader {
    struct Malformed: Error, CustomStringConvertible {
        let description: String
    }

    struct Column {
        let name: String
        let type: FeatureType
        let isEncoded: Bool
    }

    private(set) var columns: [Column] = []
    /// Of each batch, its rows, and cells; where a column is encoded, indices into `dictionary` as bytes.
    private(set) var batches: [(rowCount: Int, cells: [FeatureModel.Column])] = []
    private(set) var dictionary: FeatureModel.Column?
    /// Where each message's body begins, in the stream.
    private(set) var bodies: [Int] = []

    init(_ stream: [UInt8]) throws {
        var at = 0
        while true {
            guard at % 8 == 0, at + 8 <= stream.count, stream[...].littleEndian(at: at, as: UInt32.self) == .max else {
                throw Malformed(description: "no message at \(at)")
            }
            let length = Int(stream[...].littleEndian(at: at + 4, as: Int32.self))
            at += 8
            if length == 0 { break }
            guard length % 8 == 0, at + length <= stream.count else { throw Malformed(description: "a length of \(length)") }
            let metadata = FlatTable(root: Array(stream[at..<at + length]))
            at += length
            bodies.append(at)
            let bodyBytes = try Int(metadata.integer(3, Int64.self) ?? 0)
            guard bodyBytes % 8 == 0, at + bodyBytes <= stream.count, try metadata.integer(0, Int16.self) == 4 else {
                throw Malformed(description: "a body of \(bodyBytes) bytes, or another version")
            }
            try take(metadata, stream[at..<at + bodyBytes])
            at += bodyBytes
        }
        guard at == stream.count else { throw Malformed(description: "\(stream.count - at) bytes behind the end") }
    }

    private mutating func take(_ message: FlatTable, _ body: ArraySlice<UInt8>) throws {
        let header = try message.table(2)
        switch try message.integer(1, UInt8.self) {
        case 1:
            guard try header.integer(0, Int16.self) == 0 else { throw Malformed(description: "not little-endian") }
            columns = try header.tables(1).map(Self.column)
        case 2:
            guard try header.integer(0, Int64.self) == 0 else { throw Malformed(description: "another dictionary") }
            dictionary = try Batch(header.table(1), body).columns([.string]).first
        case 3:
            let batch = try Batch(header, body)
            batches.append((batch.rowCount, try batch.columns(columns.map { $0.isEncoded ? nil : $0.type })))
        default: throw Malformed(description: "another message")
        }
    }

    private static func column(_ field: FlatTable) throws -> Column {
        guard try field.integer(1, UInt8.self) == 1 else { throw Malformed(description: "a field that is never null") }
        let name = try field.text(0)
        let dictionary = try field.optionalTable(4)
        if let index = try dictionary?.table(1) {
            guard try index.integer(0, Int32.self) == 8, try index.integer(1, UInt8.self) == 1 else {
                throw Malformed(description: "indices of another type")
            }
        }
        return Column(name: name, type: try type(of: field), isEncoded: dictionary != nil)
    }

    private static func type(of field: FlatTable) throws -> FeatureType {
        let table = try field.table(3)
        let children = try field.tables(5)
        switch try field.integer(2, UInt8.self) {
        case 2:
            let isSigned = try table.integer(1, UInt8.self) == 1
            switch (try table.integer(0, Int32.self), isSigned) {
            case (32, true): return .int32
            case (64, true): return .int64
            default: throw Malformed(description: "a number of another width")
            }
        case 3: return try table.integer(0, Int16.self) == 1 ? .float32 : .float64
        case 4: return .bytes
        case 5: return .string
        case 6: return .bool
        case 10:
            guard try table.integer(0, Int16.self) == 2, try table.text(1) == "UTC" else {
                throw Malformed(description: "times of another unit")
            }
            return .timestamp
        case 12 where children.count == 1: return .array(try type(of: children[0]))
        case 16 where children.count == 1: return .vector(Int(try table.integer(0, Int32.self) ?? 0))
        default: throw Malformed(description: "another type")
        }
    }

    /// The cells of a record batch, taken node by node and buffer by buffer.
    private struct Batch {
        let rowCount: Int
        private var nodes: [(Int, Int)]
        private var buffers: [ArraySlice<UInt8>] = []

        init(_ table: FlatTable, _ body: ArraySlice<UInt8>) throws {
            rowCount = Int(try table.integer(0, Int64.self) ?? 0)
            nodes = try table.pairs(1).reversed()
            var end = 0
            for (offset, count) in try table.pairs(2) {
                guard offset % 64 == 0, offset >= end, offset + count <= body.count else {
                    throw Malformed(description: "a buffer of \(count) bytes at \(offset)")
                }
                end = offset + count
                buffers.append(body.part(at: offset, count: count))
            }
            buffers.reverse()
        }

        /// - Parameter types: `nil` for indices of a byte.
        func columns(_ types: [FeatureType?]) throws -> [FeatureModel.Column] {
            var rest = self
            let columns = try types.map { try rest.column($0, count: rowCount) }
            guard rest.nodes.isEmpty, rest.buffers.isEmpty else { throw Malformed(description: "buffers are left over") }
            return columns
        }

        private mutating func column(_ type: FeatureType?, count: Int) throws -> FeatureModel.Column {
            guard let (length, nulls) = nodes.popLast(), length == count else {
                throw Malformed(description: "no node of \(count)")
            }
            let validity = try buffer()
            guard let type else {
                return FeatureModel.Column(type: .bytes, count: count, nullCount: nulls, data: try buffer())
            }
            switch type {
            case .string, .bytes:
                let offsets = try buffer()
                return try .checked(
                    type: type, count: count, nullCount: nulls, validity: validity, offsets: offsets, elementValidity: [],
                    elementOffsets: [], data: try buffer())
            case .array(let element):
                let offsets = try buffer()
                let cells = try column(element, count: Int(offsets.littleEndian(at: count * 4, as: Int32.self)))
                return try .checked(
                    type: type, count: count, nullCount: nulls, validity: validity, offsets: offsets,
                    elementValidity: cells.validity, elementOffsets: cells.offsets, data: cells.data)
            case .vector(let length):
                let cells = try column(.float32, count: count * length)
                return try .checked(
                    type: type, count: count, nullCount: nulls, validity: validity, offsets: [], elementValidity: [],
                    elementOffsets: [], data: cells.data)
            default:
                return try .checked(
                    type: type, count: count, nullCount: nulls, validity: validity, offsets: [], elementValidity: [],
                    elementOffsets: [], data: try buffer())
            }
        }

        private mutating func buffer() throws -> ArraySlice<UInt8> {
            guard let buffer = buffers.popLast() else { throw Malformed(description: "a buffer is missing") }
            return buffer
        }
    }
}

/// A table of a flatbuffer, its fields by their numbers.
private struct FlatTable {
    private let bytes: [UInt8]
    private let place: Int

    init(root bytes: [UInt8]) {
        self.bytes = bytes
        place = Int(bytes[...].littleEndian(at: 0, as: UInt32.self))
    }

    private init(_ bytes: [UInt8], at place: Int) {
        self.bytes = bytes
        self.place = place
    }

    private func value<T: FixedWidthInteger & BitwiseCopyable>(at offset: Int, _: T.Type) throws -> T {
        let width = T.bitWidth / 8
        guard offset >= 0, offset % width == 0, offset + width <= bytes.count else {
            throw ArrowStreamReader.Malformed(description: "\(T.self) at \(offset)")
        }
        return bytes[...].littleEndian(at: offset)
    }

    /// Where a field's value stands; `nil` where it is left out.
    private func place(of number: Int) throws -> Int? {
        let description = place - Int(try value(at: place, Int32.self))
        let size = Int(try value(at: description, UInt16.self))
        guard size % 2 == 0, 4 + 2 * number < size else { return nil }
        let offset = Int(try value(at: description + 4 + 2 * number, UInt16.self))
        guard offset < Int(try value(at: description + 2, UInt16.self)) else {
            throw ArrowStreamReader.Malformed(description: "a field outside its table")
        }
        return offset == 0 ? nil : place + offset
    }

    func integer<T: FixedWidthInteger & BitwiseCopyable>(_ number: Int, _ type: T.Type) throws -> T? {
        try place(of: number).map { try value(at: $0, type) }
    }

    private func child(_ number: Int) throws -> Int {
        guard let at = try place(of: number) else { throw ArrowStreamReader.Malformed(description: "no field \(number)") }
        return at + Int(try value(at: at, UInt32.self))
    }

    func table(_ number: Int) throws -> FlatTable { FlatTable(bytes, at: try child(number)) }
    func optionalTable(_ number: Int) throws -> FlatTable? { try place(of: number) == nil ? nil : try table(number) }

    func tables(_ number: Int) throws -> [FlatTable] {
        let vector = try child(number)
        return try (0..<Int(try value(at: vector, UInt32.self))).map { index in
            let at = vector + 4 + 4 * index
            return FlatTable(bytes, at: at + Int(try value(at: at, UInt32.self)))
        }
    }

    func text(_ number: Int) throws -> String {
        let at = try child(number)
        let end = at + 4 + Int(try value(at: at, UInt32.self))
        guard end < bytes.count, bytes[end] == 0 else { throw ArrowStreamReader.Malformed(description: "a text without its end") }
        return String(decoding: bytes[at + 4..<end], as: UTF8.self)
    }

    func pairs(_ number: Int) throws -> [(Int, Int)] {
        let vector = try child(number)
        return try (0..<Int(try value(at: vector, UInt32.self))).map { index in
            let at = vector + 4 + 16 * index
            return (Int(try value(at: at, Int64.self)), Int(try value(at: at + 8, Int64.self)))
        }
    }
}
