internal import FeatureModel
internal import StorageIO

/// Sizes, names and versions of docs/formats/log.md.
enum LogFormat {
    /// Of segments and of `control`: since version 2 records may hold compact bodies. The other files are what they were.
    static let version: UInt32 = 2
    /// Records start at multiples of this, so that batches inside bodies stay aligned in the file.
    static let alignment = 64
    static let segmentHeaderBytes = 128
    static let recordHeaderBytes = 64
    /// Bytes of one body: a batch of the greatest size, its entry headers, and room to spare.
    static let bodyBytesMax = Limits.batchBytesMax + (64 << 20)

    static let controlName = "control"
    static let durableName = "durable"
    static let clockName = "clock"
    static let lockName = "lock"
    static let followersName = "followers"

    /// Bytes that a record takes in its segment.
    static func recordBytes(bodyBytes: Int) -> Int {
        recordHeaderBytes + (bodyBytes + alignment - 1) / alignment * alignment
    }

    static func segmentName(_ number: UInt64) -> String { "segment-\(digits(number)).log" }
    static func preparedName(_ number: UInt64) -> String { "prepared-\(digits(number)).log" }
    static func followerName(_ id: UInt64) -> String { "follower-\(digits(id))" }

    /// The number in a file's name, or `nil` where the name is not `prefix`, 16 digits or more, `suffix`.
    static func number(in name: String, prefix: String, suffix: String = "") -> UInt64? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
        let middle = name.dropFirst(prefix.count).dropLast(suffix.count)
        guard let number = UInt64(middle), digits(number) == middle else { return nil }
        return number
    }

    /// Checks magic, version and checksum of a block whose last four bytes are the checksum of the others.
    ///
    /// - Throws: `.dataLoss` for damage, `.failedPrecondition` for a version that this build cannot read.
    ///
    /// - Parameter version: the newest that is read.
    static func check(
        _ block: ArraySlice<UInt8>, magic: StaticString, version: UInt32 = 1, count: Int, at place: String
    ) throws(HeadwaterError) {
        guard block.count >= count else {
            throw HeadwaterError(.dataLoss, "the file is cut off: \(block.count) of \(count) bytes", at: place)
        }
        let block = block.part(at: 0, count: count)
        guard block.prefix(8).elementsEqual(magicBytes(magic)) else {
            throw HeadwaterError(.dataLoss, "not a file of a log: the magic is wrong", at: place)
        }
        guard CRC32C.checksum(block.dropLast(4)) == block.littleEndian(at: count - 4, as: UInt32.self) else {
            throw HeadwaterError(.dataLoss, "the checksum does not hold", at: place)
        }
        let least: UInt32 = block.littleEndian(at: 12)
        guard least <= version else {
            throw HeadwaterError(
                .failedPrecondition,
                "written in a newer format (it needs a reader of version \(least), this is \(version)): upgrade",
                at: place)
        }
    }

    /// A block that starts with magic, version and least reader version.
    static func block(magic: StaticString, version: UInt32 = 1) -> [UInt8] {
        var bytes = Array(magicBytes(magic))
        bytes.append(littleEndian: version)
        bytes.append(littleEndian: version)
        return bytes
    }

    /// Fills a block with zeros up to `count - 4` bytes and appends the checksum of all of it.
    static func seal(_ block: inout [UInt8], count: Int) {
        precondition(block.count <= count - 4)
        block += [UInt8](repeating: 0, count: count - 4 - block.count)
        block.append(littleEndian: CRC32C.checksum(block))
    }

    private static func magicBytes(_ magic: StaticString) -> String.UTF8View { "\(magic)".utf8 }

    private static func digits(_ number: UInt64) -> String { number.zeroPadded(to: 16) }
}
