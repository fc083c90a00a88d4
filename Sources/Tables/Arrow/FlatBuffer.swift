import FeatureModel

/// A flatbuffer under construction, of what Arrow's metadata is made of: tables, texts, and vectors of tables or structs.
///
/// It is written front to back: a table first, with room for the offsets of its children, then each child, to which `link` sets
/// the offset. So every offset points forward, and every value stands at a multiple of its own size from the first byte.
///
/// *Source*: "FlatBuffers internals", the format of the FlatBuffers project.
struct FlatBuffer {
    /// A field of a table: a number, or the offset of a child that follows.
    enum Field {
        case byte(UInt8)
        case short(Int16)
        case int(Int32)
        case long(Int64)
        case child

        var width: Int {
            switch self {
            case .byte: 1
            case .short: 2
            case .int, .child: 4
            case .long: 8
            }
        }
    }

    /// Four bytes for the offset of the root, then tables and vectors.
    private(set) var bytes: [UInt8] = [0, 0, 0, 0]

    /// Appends a table, and behind its description the values of the fields that are there.
    ///
    /// - Parameter fields: by their numbers in the table's schema; `nil` for one that is left out.
    /// - Returns: the place of the table, and of each field's value.
    mutating func appendTable(_ fields: [Field?]) -> (place: Int, values: [Int]) {
        // From the table's start, behind the offset of its description; wide ones first, so that none needs padding.
        var offsets = fields.map { _ in 0 }
        var size = 4
        for width in [8, 4, 2, 1] {
            for (number, field) in fields.enumerated() where field?.width == width {
                offsets[number] = size
                size += width
            }
        }
        bytes.pad(to: 4)
        let description = bytes.count
        bytes.append(littleEndian: UInt16(4 + 2 * fields.count))
        bytes.append(littleEndian: UInt16(size))
        for offset in offsets { bytes.append(littleEndian: UInt16(offset)) }
        padBeforeWide()
        let place = bytes.count
        bytes.append(littleEndian: Int32(place - description))
        bytes.append(contentsOf: repeatElement(0, count: size - 4))
        for (field, offset) in zip(fields, offsets) {
            switch field {
            case .byte(let number): bytes.store(littleEndian: number, at: place + offset)
            case .short(let number): bytes.store(littleEndian: number, at: place + offset)
            case .int(let number): bytes.store(littleEndian: number, at: place + offset)
            case .long(let number): bytes.store(littleEndian: number, at: place + offset)
            case .child, nil: break
            }
        }
        return (place, offsets.map { place + $0 })
    }

    /// Appends a text. - Returns: its place.
    mutating func appendText(_ text: String) -> Int {
        bytes.pad(to: 4)
        let place = bytes.count
        bytes.append(littleEndian: UInt32(text.utf8.count))
        bytes.append(contentsOf: text.utf8)
        bytes.append(0)
        return place
    }

    /// Appends a vector with room for the offsets of `count` tables. - Returns: its place, and those of the offsets.
    mutating func appendTables(count: Int) -> (place: Int, values: [Int]) {
        bytes.pad(to: 4)
        let place = bytes.count
        bytes.append(littleEndian: UInt32(count))
        bytes.append(contentsOf: repeatElement(0, count: 4 * count))
        return (place, (0..<count).map { place + 4 + 4 * $0 })
    }

    /// Appends a vector of structs of two 64-bit numbers. - Returns: its place.
    mutating func appendPairs(_ pairs: [(Int, Int)]) -> Int {
        padBeforeWide()
        let place = bytes.count
        bytes.append(littleEndian: UInt32(pairs.count))
        for (first, second) in pairs {
            bytes.append(littleEndian: Int64(first))
            bytes.append(littleEndian: Int64(second))
        }
        return place
    }

    /// Sets the offset at `value`, a place that a table or vector has left room at, to a child behind it.
    mutating func link(_ value: Int, to child: Int) { bytes.store(littleEndian: UInt32(child - value), at: value) }

    /// Makes a table the root. - Returns: the finished bytes.
    consuming func finish(root: Int) -> [UInt8] {
        link(0, to: root)
        return bytes
    }

    /// Pads so that what stands four bytes further on is at a multiple of 8.
    private mutating func padBeforeWide() {
        bytes.pad(to: 4)
        if bytes.count % 8 == 0 { bytes.append(contentsOf: [0, 0, 0, 0]) }
    }
}
