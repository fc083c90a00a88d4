public import FeatureModel

/// What a written column holds: cells of a type, or what reads found for them.
public enum OutputType: Hashable, Sendable {
    case cells(FeatureType)
    case statuses
}

extension OutputColumn {
    public var type: OutputType {
        switch self {
        case .cells(let column): .cells(column.type)
        case .statuses: .statuses
        }
    }
}

/// Writes columns as an Arrow IPC stream (docs/formats/arrow-stream.md): a header, record batches, and an end.
///
/// Columns have Arrow's layout already, so that only the metadata is made here: a batch's buffers are handed on as they are.
/// Types are those of the Python client's tables.
public struct ArrowStreamWriter: Sendable {
    /// The media type of what is written.
    public static let mediaType = "application/vnd.apache.arrow.stream"

    public let names: [String]
    public let types: [OutputType]

    /// - Parameters:
    ///   - names: the written columns.
    ///   - types: of each.
    public init(names: [String], types: [OutputType]) {
        precondition(names.count == types.count, "a type for each name")
        self.names = names
        self.types = types
    }

    /// Appends the schema and, where there are statuses, their texts: what every stream begins with, also one without rows.
    public func appendHeader(to output: inout [UInt8]) {
        output += Self.message(ArrowMetadata.schema(names: names, types: types))
        guard types.contains(.statuses) else { return }
        var builder = ColumnBuilder(.string)
        for status in CellStatus.allCases { builder.append(text: status.description.utf8) }
        let texts = builder.finish()
        var body = ArrowBody()
        body.append(texts)
        output += Self.message(ArrowMetadata.statuses(count: texts.count, body: body))
        for piece in body.pieces { output += piece }
    }

    /// A record batch of columns of `rowCount` cells, as pieces that follow each other; buffers share the columns' storage.
    ///
    /// - Complexity: O(columns), and O(cells) for statuses.
    public func batch(_ columns: [OutputColumn], rowCount: Int) -> [ArraySlice<UInt8>] {
        precondition(columns.count == types.count, "a column for each name")
        var body = ArrowBody()
        for (column, type) in zip(columns, types) {
            precondition(column.type == type && column.count == rowCount, "columns of the stream's types, of one length")
            body.append(column)
        }
        return [Self.message(ArrowMetadata.recordBatch(rowCount: rowCount, body: body))[...]] + body.pieces
    }

    /// Appends a record batch to a buffer, which the caller empties into a file.
    ///
    /// - Complexity: O(bytes).
    public func append(_ columns: [OutputColumn], rowCount: Int, to output: inout [UInt8]) {
        for piece in batch(columns, rowCount: rowCount) { output += piece }
    }

    /// Appends the marker behind the last batch; a stream without it was cut short.
    public func appendEnd(to output: inout [UInt8]) {
        output.append(littleEndian: UInt32.max)
        output.append(littleEndian: UInt32(0))
    }

    /// A message without its body: a marker, the length of what follows, the metadata, and padding.
    private static func message(_ metadata: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(metadata.count + 2 * ArrowBody.alignment)
        bytes.append(littleEndian: UInt32.max)
        bytes.append(littleEndian: UInt32(0))
        bytes += metadata
        bytes.pad(to: ArrowBody.alignment)
        bytes.store(littleEndian: UInt32(bytes.count - 8), at: 4)
        return bytes
    }
}
