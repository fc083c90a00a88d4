public import Catalog
public import FeatureModel
import Synchronization
import Transport
public import Wire

/// A feature list that the server has resolved.
public struct PreparedFeatures: Sendable {
    public let selection: FeatureSelection
    public let fullFeatureNames: Bool
    /// What a get answers, in order.
    public let outputs: [Field]
    /// The key columns that a get brings.
    public let keys: [Field]
    /// The columns that a get brings beside them, for expressions.
    public let request: [Field]
    /// What of the list should not be used any more: `orders@1 is deprecated: use orders@2`.
    public let warnings: [String]
    let handle: UInt64
    /// The connection that the handle is valid on.
    let transport: ClientTransport

    /// The keys of a get and its other columns as one batch.
    fileprivate func joined(_ keys: Batch, _ others: Batch?) throws(HeadwaterError) -> Batch {
        if request.isEmpty, others?.columns.isEmpty ?? true { return keys }
        guard let others, others.columns.map(\.type) == request.map(\.type) else {
            let wanted = request.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
            throw HeadwaterError(
                .invalidArgument, "the columns of this request beside its keys are: \(wanted.isEmpty ? "none" : wanted)")
        }
        // A list without keys has the rows of its other columns.
        guard others.rowCount == keys.rowCount || self.keys.isEmpty else {
            throw HeadwaterError(
                .invalidArgument, "\(others.rowCount) rows of the request's columns for \(keys.rowCount) keys: give one for each")
        }
        return Batch(
            rowCount: others.rowCount, columns: (keys.columns + others.columns).enumerated().map { ($0.offset, $0.element) })
    }

    /// All columns that a get brings: the keys, then the others.
    public var columns: [Field] { keys + request }

    /// The columns of `other`, whose names these are, in the order and of the types of this list's.
    ///
    /// - Throws: `.invalidArgument` where a column is missing: the definitions have changed.
    func arranged(_ keys: Batch, of other: PreparedFeatures) throws(HeadwaterError) -> Batch {
        if self.keys == other.keys && request == other.request { return keys }
        var columns: [(Int, Column)] = []
        for (place, key) in self.columns.enumerated() {
            guard let given = other.columns.firstIndex(where: { $0.name.utf8.elementsEqual(key.name.utf8) }),
                keys.columns[given].type.widens(to: key.type)
            else {
                throw HeadwaterError(
                    .invalidArgument,
                    "the list takes other columns now: '\(key.name)' (\(key.type)) is missing; prepare it again")
            }
            columns.append((place, keys.columns[given].gather(0..<keys.rowCount, as: key.type)))
        }
        return Batch(rowCount: keys.rowCount, columns: columns)
    }
}

/// What one client has prepared by itself in place of lists whose connection ended, or whose meaning changed.
struct PreparedAnew: Sendable {
    struct Key: Hashable {
        let selection: FeatureSelection
        let fullFeatureNames: Bool

        init(_ prepared: PreparedFeatures) {
            (selection, fullFeatureNames) = (prepared.selection, prepared.fullFeatureNames)
        }
    }

    private var lists: [Key: PreparedFeatures] = [:]

    /// The newest that is known of a list, if it is of this connection.
    func list(_ prepared: PreparedFeatures, of transport: ClientTransport) -> PreparedFeatures? {
        [lists[Key(prepared)], prepared].compactMap { $0 }.first { $0.transport === transport }
    }

    mutating func keep(_ fresh: PreparedFeatures) {
        // Those of connections that ended are of no use.
        lists = lists.filter { $0.value.transport === fresh.transport }
        lists[Key(fresh)] = fresh
    }
}

/// What a get answered.
public struct GetResult: Sendable {
    /// The one position that the whole answer shows.
    public let position: Position
    public let outputs: [Field]
    /// Values and statuses; column `i` is output `i`, and shares the memory of the answer.
    public let cells: Cells
}

extension HeadwaterClient {
    /// Resolves a feature list: what it gives, and which keys it takes.
    ///
    /// - Throws: `.notFound` for what does not exist, `.invalidArgument` where two outputs have one name.
    public func prepare(
        _ selection: FeatureSelection, fullFeatureNames: Bool = false
    ) async throws(HeadwaterError) -> PreparedFeatures {
        try await prepare(selection, fullFeatureNames: fullFeatureNames, asOf: nil)
    }

    /// - Parameter asOf: names mean what they meant at this position; what is prepared is for histories then, not for gets.
    func prepare(
        _ selection: FeatureSelection, fullFeatureNames: Bool, asOf: Position?
    ) async throws(HeadwaterError) -> PreparedFeatures {
        let request = PrepareRequest.with {
            $0.project = project
            ($0.service, $0.features) = selection.parts
            ($0.fullFeatureNames, $0.asOf) = (fullFeatureNames, asOf)
        }
        var transport = try await connections.connection(to: .online)
        var head: PrepareReply
        do throws(HeadwaterError) {
            head = try await transport.call(.prepare, request, deadline: configuration.callTimeout).head
        } catch  where error.code == .unavailable {
            transport = try await connections.connection(to: .online)
            head = try await transport.call(.prepare, request, deadline: configuration.callTimeout).head
        }
        return PreparedFeatures(
            selection: selection, fullFeatureNames: fullFeatureNames, outputs: try head.outputs.fields(),
            keys: try head.keys.fields(), request: try head.request.fields(), warnings: head.warnings, handle: head.handle,
            transport: transport)
    }

    /// The latest features of keys.
    ///
    /// By the handle of the connection that prepared the list; over a new connection, and where definitions have changed what the
    /// list means (a promotion, another max_age), the list is prepared again: the answer says which outputs it has.
    /// - Parameters:
    ///   - keys: column `i` is `prepared.keys[i]`; null keys are NOT_FOUND.
    ///   - request: column `i` is `prepared.request[i]`, with a row for each key; not given where the list asks for none.
    ///   - at: the clock for max_age; `nil` for the server's.
    ///   - minPosition: the answer shows at least this position, or the get fails with `.deadlineExceeded`.
    ///   - eventTimes: whether the answer says when each value became true.
    public func get(
        _ prepared: PreparedFeatures, keys: Batch, request: Batch? = nil, at: Microseconds? = nil, minPosition: Position = 0,
        eventTimes: Bool = false
    ) async throws(HeadwaterError) -> GetResult {
        guard keys.columns.map(\.type) == prepared.keys.map(\.type) else {
            let wanted = prepared.keys.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
            throw HeadwaterError(.invalidArgument, "the keys of this request are: \(wanted)")
        }
        let columns = try prepared.joined(keys, request)
        let transport = try await connections.connection(to: .online)
        var list = preparedAnew.withLock { $0.list(prepared, of: transport) }
        // A connection may end, and definitions move, between a preparation and its get; not for ever.
        for round in 1... {
            if list == nil {
                let fresh = try await prepare(prepared.selection, fullFeatureNames: prepared.fullFeatureNames)
                preparedAnew.withLock { $0.keep(fresh) }
                list = fresh
            }
            do throws(HeadwaterError) {
                return try await get(
                    byHandleOf: list!, keys: try list!.arranged(columns, of: prepared), at: at, minPosition: minPosition,
                    eventTimes: eventTimes)
            } catch {
                guard error.code == .unavailable || error.code == .failedPrecondition, round < Self.getRounds else { throw error }
                list = nil
            }
        }
        preconditionFailure("the last round answers or throws")
    }

    private static let getRounds = 3

    private func get(
        byHandleOf prepared: PreparedFeatures, keys: Batch, at: Microseconds?, minPosition: Position, eventTimes: Bool
    ) async throws(HeadwaterError) -> GetResult {
        let head = GetPreparedRequest.with {
            $0.at = at
            $0.minPosition = minPosition
            $0.logID = logID(for: minPosition)
            $0.eventTimes = eventTimes
        }
        let body = PackedColumns.encode(tag: prepared.handle, rowCount: keys.rowCount, columns: keys.columns)
        let answer = try await prepared.transport.call(
            .getPrepared, head: head.encode(), body: body[...], deadline: configuration.callTimeout)
        let packed = try PackedColumns(decoding: answer.body, types: prepared.outputs.map(\.type))
        return GetResult(
            position: packed.header.tag, outputs: prepared.outputs,
            cells: Cells(
                rowCount: packed.header.rowCount, columns: packed.columns, statuses: packed.cellStatuses,
                eventTimes: packed.eventTimes))
    }
}

extension FeatureSelection {
    /// As requests name it.
    var parts: (service: String?, features: [String]) {
        switch self {
        case .service(let name): (name, [])
        case .features(let references): (nil, references)
        }
    }
}

extension [Output] {
    /// - Throws: `.unimplemented` for a type that this version does not know.
    func fields() throws(HeadwaterError) -> [Field] { try Field.parse(map { ($0.name, $0.type) }) }
}

extension [ColumnSpec] {
    func fields() throws(HeadwaterError) -> [Field] { try Field.parse(map { ($0.name, $0.type) }) }
}

extension Field {
    fileprivate static func parse(_ columns: [(name: String, type: String)]) throws(HeadwaterError) -> [Field] {
        var fields: [Field] = []
        for (name, type) in columns {
            do { fields.append(Field(name, try FeatureType.parse(type))) } catch {
                throw HeadwaterError(
                    .unimplemented, "the server answers with a type that this version does not know: \(error.message)")
            }
        }
        return fields
    }
}
