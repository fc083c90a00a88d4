import FeatureModel

/// Reads little-endian fields in order, refusing to run past the end.
struct FieldReader {
    private var rest: ArraySlice<UInt8>
    private let what: String

    init(_ bytes: ArraySlice<UInt8>, what: String) {
        rest = bytes
        self.what = what
    }

    mutating func next<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type = T.self) throws(HeadwaterError) -> T {
        let width = T.bitWidth / 8
        guard rest.count >= width else { throw cutOff }
        defer { rest = rest.dropFirst(width) }
        return rest.littleEndian(at: 0)
    }

    mutating func bytes(_ count: Int) throws(HeadwaterError) -> ArraySlice<UInt8> {
        guard rest.count >= count else { throw cutOff }
        defer { rest = rest.dropFirst(count) }
        return rest.prefix(count)
    }

    var remaining: ArraySlice<UInt8> { rest }
    var isAtEnd: Bool { rest.isEmpty }

    func expectEnd() throws(HeadwaterError) {
        guard rest.isEmpty else { throw HeadwaterError(.dataLoss, "\(what): \(rest.count) bytes too many") }
    }

    private var cutOff: HeadwaterError { HeadwaterError(.dataLoss, "\(what): cut off") }
}
