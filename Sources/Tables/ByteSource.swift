public import FeatureModel

/// Where input comes from: each call gives the next bytes, `nil` the end. Chunks may be of any size, also empty.
///
/// A file gives its reads, standard input what arrived. After `nil` or an error it is not called again.
public typealias ByteSource = () throws(HeadwaterError) -> ArraySlice<UInt8>?

/// Limits of the text formats (docs/formats/tables.md). Units stand last in the names.
public enum TableLimits {
    /// Bytes of one CSV record or one NDJSON line.
    public static let recordBytesMax = 64 << 20
    /// Columns of one table.
    public static let columnsMax = 65_535
    /// Arrays and objects inside each other in one JSON text.
    public static let nestingMax = 32
}

/// U+FEFF in UTF-8.
let byteOrderMark: [UInt8] = [0xEF, 0xBB, 0xBF]

/// Walks over the bytes of a source, holding one chunk at a time.
struct ByteCursor {
    private let source: ByteSource
    private var chunk: ArraySlice<UInt8> = []
    private var index = 0
    private var hasStarted = false
    private var hasEnded = false

    init(_ source: @escaping ByteSource) { self.source = source }

    /// Makes sure that a byte is at hand; `false` at the end of the input.
    mutating func fill() throws(HeadwaterError) -> Bool {
        if index < chunk.endIndex { return true }
        if !hasStarted { try start() }
        while index == chunk.endIndex {
            guard let next = try pull() else { return false }
            chunk = next
            index = next.startIndex
        }
        return true
    }

    /// The byte at hand: only after `fill` said `true`.
    var byte: UInt8 { chunk[index] }

    /// Whether the chunk at hand has a byte left.
    var hasByte: Bool { index < chunk.endIndex }

    mutating func skip() { index += 1 }

    /// Whether the chunk at hand has the end of a line that is not blank.
    ///
    /// - Parameter isQuoting: whether double quotes may have line ends inside.
    /// - Complexity: O(bytes of the line).
    func hasLine(isQuoting: Bool) -> Bool {
        var isBlank = true
        var isQuoted = false
        for byte in chunk[index...] {
            switch byte {
            case UInt8(ascii: "\n"):
                if !isBlank && !isQuoted { return true }
            case UInt8(ascii: "\""):
                isBlank = false
                if isQuoting { isQuoted.toggle() }
            case UInt8(ascii: " "), UInt8(ascii: "\t"), UInt8(ascii: "\r"): break
            default: isBlank = false
            }
        }
        return false
    }

    /// Takes bytes up to the first one that stops, or to the end of the chunk.
    mutating func take(until stops: (UInt8) -> Bool) -> ArraySlice<UInt8> {
        let start = index
        while index < chunk.endIndex, !stops(chunk[index]) { index += 1 }
        return chunk[start..<index]
    }

    /// Skips the byte order mark, which may be spread over chunks.
    private mutating func start() throws(HeadwaterError) {
        hasStarted = true
        var head: [UInt8] = []
        while head.count < byteOrderMark.count, let next = try pull() { head.append(contentsOf: next) }
        chunk = head.starts(with: byteOrderMark) ? head.dropFirst(byteOrderMark.count) : head[...]
        index = chunk.startIndex
    }

    private mutating func pull() throws(HeadwaterError) -> ArraySlice<UInt8>? {
        if hasEnded { return nil }
        hasEnded = true  // an error ends the input as well
        guard let next = try source() else { return nil }
        hasEnded = false
        return next
    }
}
