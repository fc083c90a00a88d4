internal import FeatureModel
internal import Foundation
internal import TestSupport

/// Made-up history of one group, in the order in which it arrives, and spines for it: the same for every system.
extension OfflineTable {
    /// How often each key has rows.
    public enum Keys: Sendable {
        case uniform
        /// Key number k with a chance that falls as 1 / k.
        case zipf
    }

    /// The year whose instants all times lie in.
    static let start: Microseconds = 1_700_000_000_000_000
    static let length: Microseconds = 365 * 86_400 * 1_000_000

    /// The first instant of the year, and one in its middle.
    public static var firstTime: Int64 { start }
    public static var middleTime: Int64 { start + length / 2 }

    /// Writes a history: an int64 key, a time, six float64 of a normal distribution, four int64 of 7, 14, 20 and 31 bits.
    ///
    /// - Parameter differentTimes: with a number there are only so many times, so that rows of a key share them.
    public init(
        name: String, rows: Int, keys: Int, distribution: Keys = .uniform, differentTimes: Int? = nil, seed: UInt64,
        directory: String
    ) throws {
        let features = (0..<6).map { TableColumn(name: "\(name)_f\($0)", type: "float64") }
        let integers = (0..<4).map { TableColumn(name: "\(name)_i\($0)", type: "int64") }
        self.init(name: name, rowCount: rows, columns: Self.keyAndTime + features + integers, directory: directory)
        var random = SplitMix64(seed: seed)
        try writeKeysAndTimes(keys, distribution, differentTimes, &random)
        for column in features {
            try write(column.name, (0..<rows).map { _ in Int64(bitPattern: random.normal().bitPattern) })
        }
        for (column, range) in zip(integers, [100, 10_000, 1_000_000, 1 << 31]) {
            try write(column.name, (0..<rows).map { _ in Int64(random.below(range)) })
        }
    }

    /// Writes a spine: keys and times of the same distributions, in no order.
    public init(
        spine name: String, rows: Int, keys: Int, distribution: Keys = .uniform, seed: UInt64, directory: String
    ) throws {
        self.init(name: name, rowCount: rows, columns: Self.keyAndTime, directory: directory)
        var random = SplitMix64(seed: seed)
        try writeKeysAndTimes(keys, distribution, nil, &random)
    }

    private static let keyAndTime = [
        TableColumn(name: "key", type: "int64"), TableColumn(name: "event_time", type: "timestamp"),
    ]

    private func writeKeysAndTimes(
        _ keys: Int, _ distribution: Keys, _ differentTimes: Int?, _ random: inout SplitMix64
    ) throws {
        let words: [Int64] =
            switch distribution {
            case .uniform: (0..<rowCount).map { _ in Int64(random.below(keys)) }
            // The inverse of the integral of 1 / k.
            case .zipf: (0..<rowCount).map { _ in Int64(pow(Double(keys), random.unit())) - 1 }
            }
        try write("key", words)
        let step = differentTimes.map { Self.length / Int64($0) } ?? 1
        try write("event_time", (0..<rowCount).map { _ in Self.start + Int64(random.below(Int(Self.length / step))) * step })
    }

    private func write(_ column: String, _ words: [Int64]) throws {
        let data = unsafe words.withUnsafeBytes { unsafe Data($0) }
        try data.write(to: file(column))
    }
}

extension SplitMix64 {
    /// 0 ..< 1.
    fileprivate mutating func unit() -> Double { Double.random(in: 0..<1, using: &self) }

    fileprivate mutating func below(_ bound: Int) -> Int { Int.random(in: 0..<bound, using: &self) }

    /// Of mean 0 and deviation 1. *Source*: Box and Muller, 1958.
    fileprivate mutating func normal() -> Double { (-2 * log(1 - unit())).squareRoot() * cos(2 * .pi * unit()) }
}
