internal import Catalog
internal import FeatureModel
internal import Wire

/// A feature list of some tables, how it is asked for, and what the answers must be.
struct GetTarget: Sendable {
    /// Outputs in order: tables one behind the other.
    let tables: [OnlineTable]
    /// A feature service of all their features; else the features are listed.
    var service: String?

    init(_ tables: [OnlineTable], service: String? = nil) {
        self.tables = tables
        self.service = service
    }

    var types: [FeatureType] { tables.flatMap(\.features) }

    func prepare() -> PrepareRequest {
        PrepareRequest.with {
            $0.project = Rows.project
            if let service { $0.service = service } else { $0.features = tables.flatMap(\.references) }
        }
    }
}

/// Gets by handle of one target over some connections: the stream, and the check of its samples.
final class HeadwaterGets {
    let stream: LoadStream
    private let target: GetTarget
    private let keys: [ColumnSpec]

    /// - Throws: what the server says of the target.
    init(address: String, target: GetTarget, connections: Int, depth: Int) throws(HeadwaterError) {
        self.target = target
        stream = try LoadStream(.frames, depth: depth)
        var keys: [ColumnSpec] = []
        for _ in 0..<connections {
            let session = try HeadwaterSession(socketPath: address, project: Rows.project)
            let reply = try PrepareReply(decoding: session.call(.prepare, target.prepare()).head)
            keys = reply.keys
            try stream.add(session, handle: reply.handle)
        }
        self.keys = keys
    }

    /// Adds `count` requests for `rows` entities each, but no more than fit into `bytesMax`.
    func addRequests(_ count: Int, rows: Int, chooser: inout EntityChooser, bytesMax: Int) throws(HeadwaterError) {
        for _ in 0..<count where stream.requestBytes < bytesMax {
            try add(keys.map { _ in (0..<rows).map { _ in OnlineTable.key(chooser.next()) } })
        }
    }

    /// Adds one request; of several key columns each has these entities' keys.
    func addRequest(_ entities: Range<Int>) throws(HeadwaterError) { try add(keys.map { _ in entities.map(OnlineTable.key) }) }

    private func add(_ columns: [[Int64]]) throws(HeadwaterError) {
        // The core puts the handle of each connection in place of the tag.
        try stream.add(request: FrameParts.request(.getPrepared, body: Self.body(tag: 0, columns)))
    }

    /// The body of a request for int64 keys.
    static func body(tag: UInt64, _ columns: [[Int64]]) -> [UInt8] {
        let columns = columns.map { keys in
            var data: [UInt8] = []
            data.reserveCapacity(keys.count * 8)
            for key in keys { data.append(littleEndian: key) }
            return Column(type: .int64, count: keys.count, nullCount: 0, data: data[...])
        }
        return PackedColumns.encode(tag: tag, rowCount: columns[0].count, columns: columns)
    }

    /// Bytes of a reply of int64 columns in which every cell is there, and of its request, frame headers included.
    static func replyBytes(rows: Int, int64s: Int) -> Int {
        FrameHeader.byteCount + PackedColumns.Header.byteCount + rows * int64s * 8
    }
    static func requestBytes(rows: Int) -> Int { replyBytes(rows: rows, int64s: 1) }

    /// Compares every cell of up to `limit` kept replies with what it must be.
    ///
    /// - Returns: how many replies were compared.
    @discardableResult
    func check(limit: Int = 16) throws(HeadwaterError) -> Int {
        let samples = stream.kept.prefix(limit)
        for sample in samples {
            let request = try PackedColumns(
                decoding: FrameParts.body(stream.request(sample.request)), types: keys.map { _ in .int64 })
            let reply = try PackedColumns(decoding: FrameParts.body(sample.reply), types: target.types)
            guard reply.header.rowCount == request.header.rowCount else { throw wrong("its rows") }
            var output = 0
            for table in target.tables {
                let keyColumn = request.columns[keys.firstIndex { $0.name == table.keyName }!]
                for feature in table.features.indices {
                    for row in 0..<keyColumn.count {
                        let key = keyColumn.int64(row)
                        let expected = table.value(key, feature)
                        let status = reply.statuses.isEmpty ? .present : reply.statuses[output][row]
                        guard status == (expected.isNull ? .nullValue : .present), reply.columns[output].value(row) == expected
                        else { throw wrong("\(table.name):f\(feature) of key \(key) (\(status))") }
                    }
                    output += 1
                }
            }
        }
        return samples.count
    }

    private func wrong(_ what: String) -> HeadwaterError { HeadwaterError(.internal, "a reply of Headwater is wrong in \(what)") }
}
