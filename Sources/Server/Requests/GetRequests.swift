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
        store: OnlineStore, now: Microseconds, frameBytesMax: Int
    ) throws(HeadwaterError) -> [UInt8] {
        let prepared = PreparedGet(entry, catalog: { state.catalog })
        try prepared.refresh(state.catalogPosition)
        let keys = try PackedColumns(decoding: body, types: prepared.keyTypes)
        return try prepared.read(
            keys.columns, rowCount: rowCount, by: OnlineReader(store), now: head.at ?? now
        ) { (answer) throws(HeadwaterError) in
            let count = FrameHeader.byteCount + answer.byteCountMax(eventTimes: head.eventTimes)
            guard count <= frameBytesMax else {
                throw HeadwaterError(
                    .resourceExhausted,
                    "an answer of up to \(count) bytes; the client takes \(frameBytesMax): ask for fewer keys at once")
            }
            answer.count()
            return answer.encode(eventTimes: head.eventTimes)
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
            Wire.Output(Field(output.name, output.type), group: lookups[output.lookup].group)
        }
    }
}
