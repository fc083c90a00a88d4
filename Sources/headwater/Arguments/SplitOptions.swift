import ArgumentParser
import Client
import FeatureModel

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
    func shares() throws -> [RowSplit.Share]? { try split.map { try Self.shares($0) } }

    private static func shares(_ text: String) throws -> [RowSplit.Share] {
        do { return try RowSplit.Share.list(text) } catch { throw ValidationError(error.message) }
    }
}
