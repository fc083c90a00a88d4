import FeatureModel
import StorageIO

/// One way to damage a data directory.
struct DamageCase: Sendable {
    enum Change: Hashable, Sendable {
        case cut(at: Int)
        case flip(byte: Int, bit: Int)
        case zero(sector: Int)
        case garbage(sector: Int)
        case append(bytes: Int)
        case appendZeros(bytes: Int)
        case remove
        /// The file's bytes become those of another one.
        case copy(of: String)
        case swap(with: String)
        /// The file becomes what it was at an earlier moment.
        case stale(moment: Int)
        /// The file becomes that of another log of the same shape.
        case foreign
        /// A file that should not be there: with the bytes of another, or with garbage where that is empty.
        case plant(of: String)
    }

    let path: String
    let change: Change

    /// Names the case; `sweep damage --case` runs it again.
    var id: String {
        let what =
            switch change {
            case .cut(let offset): "cut \(offset)"
            case .flip(let byte, let bit): "flip \(byte).\(bit)"
            case .zero(let sector): "zero \(sector)"
            case .garbage(let sector): "garbage \(sector)"
            case .append(let bytes): "append \(bytes)"
            case .appendZeros(let bytes): "append-zeros \(bytes)"
            case .remove: "remove"
            case .copy(let source): "copy-of \(source)"
            case .swap(let other): "swap-with \(other)"
            case .stale(let moment): "stale \(moment)"
            case .foreign: "foreign"
            case .plant(let source): "plant-of \(source.isEmpty ? "garbage" : source)"
            }
        return "\(path) \(what)"
    }

    /// Whether nothing in the file counts: strangers' files, what an interrupted write left, a segment prepared ahead, a lock.
    var mustDoNoHarm: Bool {
        guard !path.hasSuffix(".tmp"), let kind = FileKind(path: path) else { return true }
        return kind == .preparedSegment || kind == .lock
    }

    /// What the report counts the case under.
    var changeName: String {
        switch change {
        case .cut: "cut"
        case .flip: "bit flip"
        case .zero: "zeroed sector"
        case .garbage: "garbage sector"
        case .append, .appendZeros: "longer"
        case .remove: "removed"
        case .copy: "duplicated"
        case .swap: "swapped"
        case .stale: "stale"
        case .foreign: "of another log"
        case .plant: "planted"
        }
    }

    /// The directory with the damage in it; the offset of the damaged byte where it is one place inside the file.
    func applied(to base: DamageBase) -> (image: DirectoryImage, offset: Int?) {
        var image = base.image
        switch change {
        case .cut(let offset):
            image[path]!.removeLast(image[path]!.count - offset)
            return (image, offset)
        case .flip(let byte, let bit):
            image[path]![byte] ^= 1 << UInt8(bit)
            return (image, byte)
        case .zero(let sector):
            image[path]!.overwrite(sector: sector) { _ in 0 }
            return (image, sector * 512)
        case .garbage(let sector):
            image[path]!.overwrite(sector: sector) { UInt8(truncatingIfNeeded: $0 &* 0x9E37_79B1 >> 7) | 1 }
            return (image, sector * 512)
        case .append(let bytes):
            let count = image[path]!.count
            image[path]! += (0..<bytes).map { UInt8(truncatingIfNeeded: $0 * 31 + 7) }
            return (image, count)
        case .appendZeros(let bytes):
            let count = image[path]!.count
            image[path]! += Array(repeating: 0, count: bytes)
            return (image, count)
        case .remove: image[path] = nil
        case .copy(let source): image[path] = base.image[source]
        case .swap(let other):
            image[path] = base.image[other]
            image[other] = base.image[path]
        case .stale(let moment): image[path] = base.earlier[moment][path]
        case .foreign: image[path] = base.foreign[path]
        case .plant(let source):
            image[path] = source.isEmpty ? (0..<700).map { UInt8(truncatingIfNeeded: $0 * 13 + 5) } : base.image[source]
        }
        return (image, nil)
    }
}

extension [UInt8] {
    fileprivate mutating func overwrite(sector: Int, _ byte: (Int) -> UInt8) {
        for index in sector * 512..<Swift.min(count, sector * 512 + 512) { self[index] = byte(index) }
    }
}
