/// Rows as they stood in the file, without line ends: CSV records, or the members of JSON objects.
public struct RawRows: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    public init() {}

    public var count: Int { ends.count }

    /// Bytes held.
    public var byteCount: Int { bytes.count + ends.count * MemoryLayout<Int>.size }

    /// One row's text, sharing storage.
    public subscript(row: Int) -> ArraySlice<UInt8> { bytes[(row == 0 ? 0 : ends[row - 1])..<ends[row]] }

    public mutating func append(_ row: CSVRow) {
        row.appendRecord(to: &bytes)
        ends.append(bytes.count)
    }

    public mutating func append(_ row: NDJSONRow) {
        append(row.members)
    }

    mutating func append(_ text: some Collection<UInt8>) {
        bytes.append(contentsOf: text)
        ends.append(bytes.count)
    }
}
