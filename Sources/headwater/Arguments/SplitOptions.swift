import ArgumentParser
import Catalog
import FeatureModel

/// One part of a split: `train=0.8`.
struct SplitShare: Hashable, Sendable {
    let name: String
    let share: Double
}

/// `--split`, `--seed`, `--split-by`.
struct SplitOptions: ParsableArguments {
    enum By: String, ExpressibleByArgument, CaseIterable {
        case key
        case time
    }

    @Option(
        help: ArgumentHelp(
            "Deal the rows out to one file each, such as train=0.8,test=0.2: FILE.train.csv and FILE.test.csv.",
            valueName: "shares"))
    var split: String?
    @Option(
        help:
            "With --split by 'key' all rows of a key, of all key columns together, are in one part, by its hash; by 'time' the parts follow each other in time."
    )
    var splitBy: By?
    @Option(help: ArgumentHelp("With --split by key: another number deals other keys out. Default: 0.", valueName: "number"))
    var seed: UInt64?

    var by: By { splitBy ?? .key }

    func validate() throws {
        guard let split else {
            if splitBy != nil || seed != nil { throw ValidationError("--split-by and --seed go with --split") }
            return
        }
        if seed != nil, by == .time { throw ValidationError("--seed is for a split by key: times need none") }
        if let seed, Int64(exactly: seed) == nil { throw ValidationError("--seed is at most \(Int64.max)") }
        _ = try Self.shares(split)
    }

    /// The parts; `nil` without a split.
    func shares() throws -> [SplitShare]? { try split.map { try Self.shares($0) } }

    private static func shares(_ text: String) throws -> [SplitShare] {
        let shares = try text.split(separator: ",", omittingEmptySubsequences: false).map { part in
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard sides.count == 2, let share = Double(sides[1]), share > 0, share <= 1 else {
                throw ValidationError("'\(part)' is no part of a split: write NAME=SHARE, with a share above 0 and at most 1")
            }
            let name = String(sides[0])
            guard !name.isEmpty, name.utf8.count <= Limits.nameBytesMax,
                name.unicodeScalars.allSatisfy({
                    $0.isASCII && ($0.properties.isAlphabetic || "0123456789_-".unicodeScalars.contains($0))
                }),
                name.first != "-"
            else { throw ValidationError("'\(name)' cannot name a part: use letters, digits, '_' and '-'") }
            return SplitShare(name: name, share: share)
        }
        guard shares.count >= 2, shares.count <= DefinitionLimits.splitPartsMax else {
            throw ValidationError("a split has 2 to \(DefinitionLimits.splitPartsMax) parts, such as train=0.8,test=0.2")
        }
        guard Set(shares.map(\.name)).count == shares.count else { throw ValidationError("two parts of the split have one name") }
        let sum = shares.reduce(0) { $0 + $1.share }
        guard abs(sum - 1) < 1e-9 else { throw ValidationError("the shares of the split are \(sum) together, and not 1") }
        return shares
    }
}
