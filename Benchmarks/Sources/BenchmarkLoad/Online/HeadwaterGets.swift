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

    /// The same by names, without a handle.
    func get(keyNames: [String]) -> GetRequest {
        GetRequest.with {
            $0.project = Rows.project
            if let service { $0.service = service } else { $0.features = tables.flatMap(\.references) }
            $0.keyNames = keyNames
        }
    }
}

/// Prepared gets of one target over some connections: the stream, and the check of its samples.
final class HeadwaterGets {
    /// Which of the protocol's ways: `getPrepared`, or `get` by names for servers before it.
    enum Way: String, Sendable {
        case getPrepared
        case get
    }

    let stream: LoadStream
    private let target: GetTarget
    private let way: Way
    private let keys: [ColumnSpec]

    /// - Throws: what the server says of the target.
    init(
        address: String, target: GetTarget, way: Way, connections: Int, depth: Int
    ) throws(HeadwaterError) {
        self.target = target
        self.way = way
        stream = try LoadStream(.frames, depth: depth)
        var first: PrepareReply?
        for _ in 0..<connections {
            let session = try HeadwaterSession(socketPath: address, project: Rows.project)
            let reply = try PrepareReply(decoding: session.call(.prepare, target.prepare()).head)
            if first == nil { first = reply }
            try stream.add(session, handle: way == .getPrepared ? reply.handle : 0)
        }
        keys = first!.keys
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
        switch way {
        case .getPrepared: try stream.add(request: PackedBody.request(columns))
        case .get:
            let head = target.get(keyNames: keys.map(\.name))
            var batch: [(ordinal: Int, column: Column)] = []
            for (index, values) in columns.enumerated() {
                batch.append((index, try Column(.int64, values.map(Value.int64))))
            }
            let body = Batch(rowCount: columns[0].count, columns: batch)
            try stream.add(request: FrameParts.request(Method.get.rawValue, head: head.encode(), body: Array(body.bytes)))
        }
    }

    /// Compares every cell of up to `limit` kept replies with what it must be.
    ///
    /// - Returns: how many replies were compared.
    @discardableResult
    func check(limit: Int = 16) throws(HeadwaterError) -> Int {
        let samples = stream.kept.prefix(limit)
        for sample in samples {
            let keys = try keys(of: stream.request(sample.request))
            let reply = try cells(sample.reply)
            guard reply.rows == keys[0].count, reply.columns.count == target.types.count else { throw wrong("its shape") }
            var output = 0
            for table in target.tables {
                let keyColumn = keys[self.keys.firstIndex { $0.name == table.keyName }!]
                for feature in table.features.indices {
                    for (row, key) in keyColumn.enumerated() {
                        let expected = table.value(key, feature)
                        let status = reply.statuses.isEmpty ? .present : reply.statuses[output][row]
                        let isRight =
                            expected.isNull
                            ? status == .nullValue : status == .present && reply.columns[output].value(row) == expected
                        guard isRight else { throw wrong("\(table.name):f\(feature) of key \(key) (\(status))") }
                    }
                    output += 1
                }
            }
        }
        return samples.count
    }

    private func wrong(_ what: String) -> HeadwaterError { HeadwaterError(.internal, "a reply of Headwater is wrong in \(what)") }

    private func keys(of request: [UInt8]) throws(HeadwaterError) -> [[Int64]] {
        let body = FrameParts.parts(request).body
        let columns =
            switch way {
            case .getPrepared: try PackedBody.decode(body, types: keys.map { _ in .int64 }).columns
            case .get: try Batch(decoding: body).columns
            }
        return columns.map { column in (0..<column.count).map { column.int64($0) } }
    }

    private func cells(
        _ reply: [UInt8]
    ) throws(HeadwaterError) -> (rows: Int, columns: [Column], statuses: [StatusColumn]) {
        let body = FrameParts.parts(reply).body
        guard way == .get else { return try PackedBody.decode(body, types: target.types) }
        let batch = try FrameParts.batch(body)
        return (batch.rowCount, batch.columns, try Cells(decoding: body, outputCount: target.types.count).statuses)
    }
}
