internal import FeatureModel

/// How rows are laid out in Redis.
enum RedisLayout: String, Sendable {
    /// Feast's: a hash for each entity, a field for each feature, a protobuf `Value` in each.
    case hash
    /// An expert's: a string for each entity with all its features packed.
    case packed
}

/// Int64 rows of a table in Redis: commands that write and read them, and what replies must hold.
struct RedisRows {
    let table: OnlineTable
    let layout: RedisLayout
    /// `HMGET`'s fields in RESP, the same for each key.
    private let fields: [UInt8]

    init(_ table: OnlineTable, _ layout: RedisLayout) {
        self.table = table
        self.layout = layout
        var fields: [UInt8] = []
        for feature in table.features.indices { Self.append(Self.field(feature), to: &fields) }
        self.fields = fields
    }

    /// Feast names a field by four bytes of a hash of view and feature.
    private static func field(_ feature: Int) -> [UInt8] {
        var name: [UInt8] = []
        name.append(littleEndian: UInt32(truncatingIfNeeded: (feature + 1) &* 0x9E37_79B1))
        return name
    }

    /// The key: for hashes as Feast writes it, name and type of the join key, the value, the project.
    private func key(_ key: Int64) -> [UInt8] {
        guard layout == .hash else { return Array("\(table.name):\(key)".utf8) }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(2))
        bytes += Array(table.keyName.utf8)
        bytes.append(littleEndian: UInt32(4))
        bytes.append(littleEndian: UInt32(8))
        bytes.append(littleEndian: key)
        return bytes + Array("\(Rows.project):\(table.name)".utf8)
    }

    /// A `Value` message of protobuf with its int64 field: tag 4, varint.
    private static func protobuf(_ number: Int64) -> [UInt8] {
        var bytes: [UInt8] = [0x20]
        var rest = UInt64(bitPattern: number)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
        return bytes
    }

    private func packed(_ key: Int64) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(table.features.count * 8)
        for feature in table.features.indices { bytes.append(littleEndian: OnlineTable.number(key, feature)) }
        return bytes
    }

    /// Appends the command that writes a row.
    func appendWrite(_ key: Int64, to bytes: inout [UInt8]) {
        switch layout {
        case .hash:
            Self.append(count: 2 + 2 * table.features.count, to: &bytes)
            Self.append(Array("HSET".utf8), to: &bytes)
            Self.append(self.key(key), to: &bytes)
            for feature in table.features.indices {
                Self.append(Self.field(feature), to: &bytes)
                Self.append(Self.protobuf(OnlineTable.number(key, feature)), to: &bytes)
            }
        case .packed:
            Self.append(count: 3, to: &bytes)
            for part in [Array("SET".utf8), self.key(key), packed(key)] { Self.append(part, to: &bytes) }
        }
    }

    /// A request for rows: one command for each (hashes), or one for all.
    func read(_ keys: [Int64]) -> (bytes: [UInt8], commands: Int) {
        var bytes: [UInt8] = []
        switch layout {
        case .hash:
            bytes.reserveCapacity(keys.count * (fields.count + 80))
            for key in keys {
                Self.append(count: 2 + table.features.count, to: &bytes)
                Self.append(Array("HMGET".utf8), to: &bytes)
                Self.append(self.key(key), to: &bytes)
                bytes += fields
            }
            return (bytes, keys.count)
        case .packed:
            Self.append(count: 1 + keys.count, to: &bytes)
            Self.append(Array("MGET".utf8), to: &bytes)
            for key in keys { Self.append(self.key(key), to: &bytes) }
            return (bytes, 1)
        }
    }

    /// Whether a reply is the one to a request for `keys`.
    func isRight(_ reply: [UInt8], keys: [Int64]) -> Bool {
        var expected: [UInt8] = []
        switch layout {
        case .hash:
            for key in keys {
                Self.append(count: table.features.count, to: &expected)
                for feature in table.features.indices {
                    Self.append(Self.protobuf(OnlineTable.number(key, feature)), to: &expected)
                }
            }
        case .packed:
            Self.append(count: keys.count, to: &expected)
            for key in keys { Self.append(packed(key), to: &expected) }
        }
        return reply == expected
    }

    private static func append(count: Int, to bytes: inout [UInt8]) { bytes += Array("*\(count)\r\n".utf8) }

    /// Appends a bulk string.
    private static func append(_ part: [UInt8], to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "$"))
        bytes.append(contentsOf: "\(part.count)\r\n".utf8)
        bytes.append(contentsOf: part)
        bytes.append(UInt8(ascii: "\r"))
        bytes.append(UInt8(ascii: "\n"))
    }
}

/// Reads of one layout over some connections: the stream, and the check of its samples.
final class RedisGets {
    let stream: LoadStream
    private let rows: RedisRows
    private var keys: [[Int64]] = []

    init(address: String, rows: RedisRows, connections: Int, depth: Int) throws(HeadwaterError) {
        self.rows = rows
        stream = try LoadStream(.redis, depth: depth)
        for _ in 0..<connections { try stream.add(StreamSocket(connectingTo: address)) }
    }

    func addRequests(_ count: Int, rows rowsEach: Int, chooser: inout EntityChooser, bytesMax: Int) throws(HeadwaterError) {
        for _ in 0..<count where stream.requestBytes < bytesMax {
            let drawn = (0..<rowsEach).map { _ in OnlineTable.key(chooser.next()) }
            keys.append(drawn)
            let request = rows.read(drawn)
            try stream.add(request: request.bytes, replies: request.commands)
        }
    }

    @discardableResult
    func check(limit: Int = 16) throws(HeadwaterError) -> Int {
        let samples = stream.kept.prefix(limit)
        for sample in samples where !rows.isRight(sample.reply, keys: keys[sample.request]) {
            throw HeadwaterError(.internal, "a reply of Redis (\(rows.layout)) is wrong")
        }
        return samples.count
    }
}

extension RedisStand {
    /// Rows of a pipeline, and pipelines prepared at a time, while it is filled.
    private static let loadRows = 100
    private static let loadRequests = 256

    /// Writes rows in pipelines.
    func load(_ rows: RedisRows, entities: Range<Int>) throws(HeadwaterError) {
        let stream = try LoadStream(.redis, depth: 2)
        for _ in 0..<2 { try stream.add(StreamSocket(connectingTo: socketPath)) }
        var bytes: [UInt8] = []
        for first in stride(from: entities.lowerBound, to: entities.upperBound, by: Self.loadRows) {
            let last = min(first + Self.loadRows, entities.upperBound)
            bytes.removeAll(keepingCapacity: true)
            for entity in first..<last { rows.appendWrite(OnlineTable.key(entity), to: &bytes) }
            try stream.add(request: bytes, replies: last - first)
            if stream.requestCount == Self.loadRequests || last == entities.upperBound {
                try stream.sendAll()
                stream.clearRequests()
            }
        }
    }
}
