internal import FeatureModel

/// Numbers of docs/formats/chunk.md.
enum ChunkFormat {
    static let magic: UInt64 = 0x314B_4E55_4843_5748  // "HWCHUNK1"
    static let footerMagic: UInt64 = 0x454B_4E55_4843_5748  // "HWCHUNKE"
    /// The version that is written; version 1 is still read.
    static let version: UInt16 = 2
    /// A block of more rows is damage, whatever its checksum says.
    static let blockRowsMax = 1 << 20
    static let headerFixedBytes = 56
    static let featureEntryBytes = 12
    static let pageEntryBytes = 48
    static let footerBytes = 40
    static let logIDBytes = 16
    /// What reading a directory or manifest ends with where a field goes beyond the end.
    static let cutOff = HeadwaterError(.dataLoss, "a field is cut off")

    static func fileName(_ number: UInt64) -> String {
        "chunk-" + number.zeroPadded(to: 16, radix: 16) + ".hwc"
    }

    static func isChunkName(_ name: String) -> Bool { name.hasPrefix("chunk-") && name.hasSuffix(".hwc") }
}

/// A feature column of a chunk.
struct ChunkFeature: Hashable, Sendable {
    let ordinal: Int
    let type: FeatureType
}

/// The header of a chunk file, known before the first row is written.
struct ChunkHeader: Hashable, Sendable {
    let version: UInt16
    let logID: [UInt8]
    let number: UInt64
    let groupID: GroupID
    let schemaVersion: UInt32
    let hasAvailableTime: Bool
    let features: [ChunkFeature]

    /// The columns besides the features, in the order in which blocks store them.
    var systemColumns: [SystemColumn] {
        SystemColumn.allCases.filter {
            switch $0 {
            case .availableTime: hasAvailableTime
            case .ingestTime: version == 1
            default: true
            }
        }
    }

    /// Types of all page columns, in the order in which blocks store them.
    var pageTypes: [FeatureType] { systemColumns.map(\.type) + features.map(\.type) }

    func encode() -> [UInt8] {
        var bytes: [UInt8] = []
        let total = ChunkFormat.headerFixedBytes + features.count * ChunkFormat.featureEntryBytes + 4
        bytes.append(littleEndian: ChunkFormat.magic)
        bytes.append(littleEndian: version)
        bytes.append(littleEndian: version)
        bytes.append(littleEndian: UInt32(total))
        bytes.append(contentsOf: logID)
        bytes.append(littleEndian: number)
        bytes.append(littleEndian: groupID)
        bytes.append(littleEndian: schemaVersion)
        bytes.append(littleEndian: UInt32(hasAvailableTime ? 1 : 0))
        bytes.append(littleEndian: UInt32(features.count))
        for feature in features {
            bytes.append(littleEndian: UInt32(feature.ordinal))
            feature.type.appendDescriptor(to: &bytes)
        }
        bytes.append(littleEndian: CRC32C.checksum(bytes))
        return bytes
    }

    /// Reads the head of a file; errors are located at byte offsets of `path`.
    init(decoding file: ChunkBytes) throws(HeadwaterError) {
        let fixed = try file.bytes(at: 0, count: ChunkFormat.headerFixedBytes)[...]
        guard fixed.littleEndian(at: 0, as: UInt64.self) == ChunkFormat.magic else {
            throw file.damage("it does not start with a chunk's magic", at: 0)
        }
        version = fixed.littleEndian(at: 8)
        let least: UInt16 = fixed.littleEndian(at: 10)
        guard max(least, version) <= ChunkFormat.version else {
            throw HeadwaterError(
                .unimplemented,
                "the chunk is of version \(version) and needs a reader of \(least); this one has \(ChunkFormat.version): upgrade",
                at: "\(file.path):10")
        }
        let total = Int(fixed.littleEndian(at: 12, as: UInt32.self))
        let featureCount = Int(fixed.littleEndian(at: 52, as: UInt32.self))
        let flags: UInt32 = fixed.littleEndian(at: 48)
        guard featureCount <= Limits.featuresMax, flags <= 1,
            total == ChunkFormat.headerFixedBytes + featureCount * ChunkFormat.featureEntryBytes + 4
        else { throw file.damage("the header's lengths do not hold", at: 12) }
        let bytes = try file.bytes(at: 0, count: total)[...]
        guard CRC32C.checksum(bytes.dropLast(4)) == bytes.littleEndian(at: total - 4, as: UInt32.self) else {
            throw file.damage("the header's checksum does not match", at: 0)
        }
        guard version >= 1 else { throw file.damage("there is no format version 0", at: 8) }
        logID = Array(bytes.part(at: 16, count: ChunkFormat.logIDBytes))
        number = bytes.littleEndian(at: 32)
        groupID = bytes.littleEndian(at: 40)
        schemaVersion = bytes.littleEndian(at: 44)
        hasAvailableTime = flags == 1
        var features: [ChunkFeature] = []
        for index in 0..<featureCount {
            let at = ChunkFormat.headerFixedBytes + index * ChunkFormat.featureEntryBytes
            let ordinal = Int(bytes.littleEndian(at: at, as: UInt32.self))
            guard ordinal > features.last?.ordinal ?? -1 else { throw file.damage("ordinals do not rise", at: at) }
            do { features.append(ChunkFeature(ordinal: ordinal, type: try FeatureType(descriptorIn: bytes, at: at + 4))) } catch {
                throw error.located(at: "\(file.path):\(at + 4)")
            }
        }
        self.features = features
    }

    /// The head of a file that is about to be written.
    init(
        logID: [UInt8], number: UInt64, groupID: GroupID, schemaVersion: UInt32, hasAvailableTime: Bool, features: [ChunkFeature]
    ) {
        version = ChunkFormat.version
        self.logID = logID
        self.number = number
        self.groupID = groupID
        self.schemaVersion = schemaVersion
        self.hasAvailableTime = hasAvailableTime
        self.features = features
    }
}

/// The columns that every chunk has besides its features.
enum SystemColumn: Int, CaseIterable {
    case key, keyRows, eventTime, availableTime
    /// Version 1 of the format; later the records have it.
    case ingestTime
    case position, row, operation

    var type: FeatureType {
        switch self {
        case .key: .bytes
        case .keyRows, .row: .int32
        case .eventTime, .availableTime, .ingestTime: .timestamp
        case .position: .int64
        case .operation: .bool
        }
    }
}
