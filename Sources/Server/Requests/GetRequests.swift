package import Catalog
package import Engine
package import FeatureModel
package import OnlineStore
package import Wire

/// prepare and gets by handle: decoded, answered, encoded. Whoever calls decides on which thread, and has waited for positions.
package enum GetRequests {
    /// Resolves a feature list, and remembers it for its connection.
    ///
    /// - Parameter catalog: the one in force, or that of the position that the request asks for.
    package static func prepare(
        _ head: PrepareRequest, catalog: Catalog, handles: HandleTable, connection: UInt64
    ) throws(HeadwaterError) -> PrepareReply {
        let selection = try featureSelection(service: head.service, features: head.features)
        let entry = try HandleTable.Entry(
            project: head.project, selection, fullNames: head.fullFeatureNames, catalog: catalog)
        // Of the past there are no latest values to get.
        let handle = head.asOf != nil ? 0 : try handles.insert(entry, connection: connection)
        return PrepareReply.with {
            $0.handle = handle
            $0.outputs = entry.plan.wireOutputs
            $0.keys = entry.plan.keys.map { ColumnSpec($0) }
            $0.request = entry.plan.request.map { ColumnSpec($0) }
            $0.warnings = entry.plan.warnings
        }
    }

    /// Reads by a prepared list.
    ///
    /// - Parameters:
    ///   - body: of the request: the keys.
    ///   - state: of the store that is read.
    ///   - frameBytesMax: of the answer; a larger one is refused before memory is taken for it.
    /// - Returns: the body of the answer.
    package static func get(
        _ head: GetPreparedRequest, _ body: ArraySlice<UInt8>, _ entry: HandleTable.Entry, rowCount: Int, state: OnlineState,
        store: OnlineStore, now: Microseconds, nulls: ExpressionNulls? = nil,
        frameBytesMax: Int
    ) throws(HeadwaterError) -> [UInt8] {
        let prepared = PreparedGet(entry, nulls: nulls, catalog: { state.catalog })
        try prepared.refresh(state.catalogPosition)
        let keys = try columns(of: body, for: entry.plan)
        if prepared.hasExpressions {
            let answer = try prepared.evaluate(
                keys.columns, rowCount: rowCount, by: OnlineReader(store), now: head.at ?? now, eventTimes: head.eventTimes,
                bytesMax: frameBytesMax)
            try check(FrameHeader.byteCount + answer.count, frameBytesMax)
            return answer
        }
        return try prepared.read(
            keys.columns, rowCount: rowCount, by: OnlineReader(store), now: head.at ?? now
        ) { (answer) throws(HeadwaterError) in
            try check(FrameHeader.byteCount + answer.byteCountMax(eventTimes: head.eventTimes), frameBytesMax)
            answer.count()
            return answer.encode(eventTimes: head.eventTimes)
        }
    }

    private static func check(_ count: Int, _ frameBytesMax: Int) throws(HeadwaterError) {
        guard count <= frameBytesMax else {
            throw HeadwaterError(
                .resourceExhausted,
                "an answer of up to \(count) bytes; the client takes \(frameBytesMax): ask for fewer keys at once")
        }
    }

    /// What a request brings. An older client does not know that there is more to send than keys.
    private static func columns(of body: ArraySlice<UInt8>, for plan: FeaturePlan) throws(HeadwaterError) -> PackedColumns {
        do throws(HeadwaterError) { return try PackedColumns(decoding: body, types: plan.columns.map(\.type)) } catch {
            if plan.request.isEmpty { throw error }
            guard (try? PackedColumns(decoding: body, types: plan.keys.map(\.type))) != nil else { throw error }
            let missing = plan.request.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
            throw HeadwaterError(
                .invalidArgument, "\(plan.service ?? "the list") wants columns of the request beside the keys: \(missing)")
        }
    }
}

/// The service or the feature list of a request, of which one is given.
package func featureSelection(service: String?, features: [String]) throws(HeadwaterError) -> FeatureSelection {
    switch (service, features.isEmpty) {
    case (let service?, true): return .service(service)
    case (nil, false): return .features(features)
    default: throw HeadwaterError(.invalidArgument, "name either a service or features")
    }
}

extension FeaturePlan {
    package var wireOutputs: [Wire.Output] {
        outputs.map { output in
            Wire.Output(Field(output.name, output.type), group: group(of: output) ?? "")
        }
    }
}
