import FeatureModel

/// The flatbuffers of an Arrow stream: what its messages say of their bodies.
///
/// *Source*: Schema.fbs and Message.fbs of the Apache Arrow columnar format 1.5; fields stand by their numbers there.
enum ArrowMetadata {
    /// Of a message's header.
    private enum Header: UInt8 {
        case schema = 1
        case dictionaryBatch = 2
        case recordBatch = 3
    }

    /// Version 5 of the metadata: that of Arrow 1.0 and all since.
    private static let version: Int16 = 4
    /// The one dictionary of a stream: the texts of statuses, which all columns of statuses share.
    private static let statusesID: Int64 = 0

    static func schema(names: [String], types: [OutputType]) -> [UInt8] {
        var buffer = FlatBuffer()
        let message = appendMessage(.schema, bodyBytes: 0, to: &buffer)
        // Little-endian, its fields.
        let schema = buffer.appendTable([.short(0), .child])
        buffer.link(message.header, to: schema.place)
        let fields = buffer.appendTables(count: names.count)
        buffer.link(schema.values[1], to: fields.place)
        for (index, value) in fields.values.enumerated() {
            buffer.link(value, to: appendField(names[index], types[index], to: &buffer))
        }
        return buffer.finish(root: message.place)
    }

    static func recordBatch(rowCount: Int, body: ArrowBody) -> [UInt8] {
        var buffer = FlatBuffer()
        let message = appendMessage(.recordBatch, bodyBytes: body.byteCount, to: &buffer)
        buffer.link(message.header, to: appendRecordBatch(rowCount, body, to: &buffer))
        return buffer.finish(root: message.place)
    }

    /// Of the texts of statuses.
    static func statuses(count: Int, body: ArrowBody) -> [UInt8] {
        var buffer = FlatBuffer()
        let message = appendMessage(.dictionaryBatch, bodyBytes: body.byteCount, to: &buffer)
        let dictionary = buffer.appendTable([.long(statusesID), .child])
        buffer.link(message.header, to: dictionary.place)
        buffer.link(dictionary.values[1], to: appendRecordBatch(count, body, to: &buffer))
        return buffer.finish(root: message.place)
    }

    private static func appendMessage(_ header: Header, bodyBytes: Int, to buffer: inout FlatBuffer) -> (place: Int, header: Int)
    {
        let table = buffer.appendTable([.short(version), .byte(header.rawValue), .child, .long(Int64(bodyBytes))])
        return (table.place, table.values[2])
    }

    private static func appendRecordBatch(_ rowCount: Int, _ body: ArrowBody, to buffer: inout FlatBuffer) -> Int {
        let table = buffer.appendTable([.long(Int64(rowCount)), .child, .child])
        buffer.link(table.values[1], to: buffer.appendPairs(body.nodes.map { ($0.count, $0.nullCount) }))
        buffer.link(table.values[2], to: buffer.appendPairs(body.buffers.map { ($0.offset, $0.byteCount) }))
        return table.place
    }

    /// A field that may be null: all may, as in the Python client's tables.
    private static func appendField(_ name: String, _ type: OutputType, to buffer: inout FlatBuffer) -> Int {
        let isEncoded = type == .statuses
        let cells: FeatureType = if case .cells(let type) = type { type } else { .string }
        // Name, nullable, type, dictionary, children.
        let field = buffer.appendTable([
            .child, .byte(1), .byte(code(of: cells)), .child, isEncoded ? .child : nil, .child,
        ])
        buffer.link(field.values[0], to: buffer.appendText(name))
        buffer.link(field.values[3], to: appendType(cells, to: &buffer))
        if isEncoded {
            let encoding = buffer.appendTable([.long(statusesID), .child])
            buffer.link(field.values[4], to: encoding.place)
            buffer.link(encoding.values[1], to: buffer.appendTable([.int(8), .byte(1)]).place)
        }
        let element: FeatureType? =
            switch cells {
            case .array(let element): element
            case .vector: .float32
            default: nil
            }
        let children = buffer.appendTables(count: element == nil ? 0 : 1)
        buffer.link(field.values[5], to: children.place)
        if let element { buffer.link(children.values[0], to: appendField("item", .cells(element), to: &buffer)) }
        return field.place
    }

    /// Which table of the union `Type` says more of a type.
    private static func code(of type: FeatureType) -> UInt8 {
        switch type {
        case .int32, .int64: 2
        case .float32, .float64: 3
        case .bytes: 4
        case .string: 5
        case .bool: 6
        case .timestamp: 10
        case .array: 12
        case .vector: 16
        }
    }

    private static func appendType(_ type: FeatureType, to buffer: inout FlatBuffer) -> Int {
        switch type {
        case .bool, .string, .bytes, .array: return buffer.appendTable([]).place
        // Bits, signed.
        case .int32: return buffer.appendTable([.int(32), .byte(1)]).place
        case .int64: return buffer.appendTable([.int(64), .byte(1)]).place
        // Single or double.
        case .float32: return buffer.appendTable([.short(1)]).place
        case .float64: return buffer.appendTable([.short(2)]).place
        case .timestamp:
            // Microseconds.
            let table = buffer.appendTable([.short(2), .child])
            buffer.link(table.values[1], to: buffer.appendText("UTC"))
            return table.place
        case .vector(let length): return buffer.appendTable([.int(Int32(length))]).place
        }
    }
}
