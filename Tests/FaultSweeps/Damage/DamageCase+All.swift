import FeatureModel
import StorageIO

/// A kind of file that the system writes: each has its cases, and a file of no kind fails the sweep.
enum FileKind: String, CaseIterable, Sendable {
    case segment
    case preparedSegment = "prepared segment"
    case control
    case durablePage = "durable page"
    case checkpoint
    case snapshot, manifest, chunk, lock

    init?(path: String) {
        let name = StoragePath.name(of: path)
        switch (StoragePath.parent(of: path), name) {
        case ("data/log", "control"): self = .control
        case ("data/log", "durable"): self = .durablePage
        case ("data/log", _) where name.hasPrefix("segment-"): self = .segment
        case ("data/log", _) where name.hasPrefix("prepared-"): self = .preparedSegment
        case ("data/log/followers", _) where name.hasPrefix("follower-"): self = .checkpoint
        case ("data/online", _) where name.hasPrefix("snapshot-"): self = .snapshot
        case ("data/offline", "manifest"): self = .manifest
        case ("data/offline", _) where name.hasPrefix("chunk-"): self = .chunk
        case (_, "lock"): self = .lock
        default: return nil
        }
    }
}

extension DamageCase {
    /// Every case of a directory, in an order that is the same each time.
    ///
    /// - Throws: `.internal` for a file that belongs to no kind.
    static func all(of base: DamageBase) throws(HeadwaterError) -> [DamageCase] {
        var cases: [DamageCase] = []
        for path in base.image.paths {
            guard let kind = FileKind(path: path) else {
                throw HeadwaterError(.internal, "no case covers this kind of file: add it to FileKind", at: path)
            }
            cases += inside(path, base.image[path]!) + around(path, kind, base)
        }
        for (moment, image) in base.earlier.enumerated() {
            for path in image.paths where base.image[path] == nil {
                cases.append(DamageCase(path: path, change: .stale(moment: moment)))
            }
        }
        return cases + planted(base)
    }

    /// Damage inside one file.
    private static func inside(_ path: String, _ bytes: [UInt8]) -> [DamageCase] {
        let density = Density(bytes)
        var changes: [Change] = []
        for offset in 0..<bytes.count where density.isCut(at: offset) { changes.append(.cut(at: offset)) }
        for byte in 0..<bytes.count { changes += density.bits(at: byte).map { .flip(byte: byte, bit: $0) } }
        for sector in 0..<(bytes.count + 511) / 512 { changes += [.zero(sector: sector), .garbage(sector: sector)] }
        for count in [1, 63, 64, 512, 4_096, 8_192] { changes += [.append(bytes: count), .appendZeros(bytes: count)] }
        return changes.map { DamageCase(path: path, change: $0) }
    }

    /// Damage to the place of one file among the others.
    private static func around(_ path: String, _ kind: FileKind, _ base: DamageBase) -> [DamageCase] {
        var changes: [Change] = [.remove]
        if base.foreign[path] != nil { changes.append(.foreign) }
        for other in base.image.paths where other != path && base.image[other] != base.image[path] {
            changes.append(.copy(of: other))
            if path < other, FileKind(path: other) == kind { changes.append(.swap(with: other)) }
        }
        var seen: [[UInt8]] = [base.image[path]!]
        for (moment, image) in base.earlier.enumerated() {
            guard let bytes = image[path], !seen.contains(bytes) else { continue }
            seen.append(bytes)
            changes.append(.stale(moment: moment))
        }
        return changes.map { DamageCase(path: path, change: $0) }
    }

    /// Files that should not be there.
    private static func planted(_ base: DamageBase) -> [DamageCase] {
        let segments = base.image.paths.filter { FileKind(path: $0) == .segment }
        let prepared = base.image.paths.first { FileKind(path: $0) == .preparedSegment } ?? ""
        let snapshots = base.image.paths.filter { FileKind(path: $0) == .snapshot }
        let chunks = base.image.paths.filter { FileKind(path: $0) == .chunk }
        let next = "data/log/segment-" + prepared.suffix(20)
        let sources: [(String, [String])] = [
            (next, segments + [prepared, ""]),
            ("data/log/segment-0000000000000000.log", [segments[0], ""]),
            ("data/log/segment-0000000000009999.log", [segments[0], ""]),
            ("data/log/prepared-0000000000009999.log", [segments[0], ""]),
            ("data/log/control.tmp", ["data/log/control", ""]),
            ("data/log/durable.tmp", ["data/log/durable", ""]),
            ("data/log/notes.txt", [""]),
            ("data/log/followers/follower-0000000000000001.tmp", [""]),
            ("data/log/followers/follower-0000000000000077", ["data/log/followers/follower-0000000000000009", ""]),
            ("data/online/snapshot-99999999999999999999.hws", [""]),
            ("data/online/snapshot-00000000000000009999.hws", snapshots + [""]),
            ("data/online/snapshot-00000000000000009999.hws.tmp", snapshots + [""]),
            ("data/offline/manifest.tmp", ["data/offline/manifest", ""]),
            ("data/offline/chunk-000000000000ffff.hwc", Array(chunks.prefix(1)) + [""]),
            ("data/offline/notes.txt", [""]),
        ]
        return sources.flatMap { path, sources in sources.map { DamageCase(path: path, change: .plant(of: $0)) } }
    }
}

/// How densely one file is damaged: every bit where it is small, fewer where it is large, fewest in stretches of zeros.
private struct Density {
    private let isLive: [Bool]
    private let bitsPerByte: Int
    private static let block = 64

    init(_ bytes: [UInt8]) {
        isLive = stride(from: 0, to: bytes.count, by: Self.block).map { start in
            bytes[start..<min(bytes.count, start + Self.block)].contains { $0 != 0 }
        }
        let liveBytes = isLive.count { $0 } * Self.block
        bitsPerByte = liveBytes <= 1_024 ? 8 : liveBytes <= 4_096 ? 2 : 1
    }

    func isCut(at offset: Int) -> Bool {
        if isLive[offset / Self.block] { return true }
        let rest = offset % 512
        return rest <= 1 || rest == 511 || offset % Self.block == 0
    }

    func bits(at byte: Int) -> [Int] {
        guard isLive[byte / Self.block] else { return byte % 24 == 5 ? [byte % 8] : [] }
        return (0..<bitsPerByte).map { (byte * 5 + $0 * (8 / bitsPerByte)) % 8 }
    }
}
