internal import FeatureModel
internal import Glibc
internal import TestSupport

/// Which entities are asked for.
public enum KeyDistribution: Sendable, Equatable, CustomStringConvertible {
    case uniform
    /// The entity of rank k is asked for in proportion to k^-exponent.
    case zipf(exponent: Double)

    /// Parses `uniform` or `zipf:0.99`.
    public init?(_ text: String) {
        if text == "uniform" {
            self = .uniform
        } else if text.hasPrefix("zipf:"), let exponent = Double(text.dropFirst(5)), exponent > 0, exponent < 10 {
            self = .zipf(exponent: exponent)
        } else {
            return nil
        }
    }

    public var description: String {
        switch self {
        case .uniform: "uniform"
        case .zipf(let exponent): "zipf:\(exponent)"
        }
    }
}

/// Draws entities, numbered from 0, from a seed.
struct EntityChooser {
    let count: Int
    private var random: SplitMix64
    /// For Zipf: the share of draws up to each rank.
    private var shares: [Double] = []

    init(_ distribution: KeyDistribution, count: Int, seed: UInt64) {
        self.count = count
        random = SplitMix64(seed: seed)
        guard case .zipf(let exponent) = distribution else { return }
        shares.reserveCapacity(count)
        var sum = 0.0
        for rank in 1...count {
            sum += pow(Double(rank), -exponent)
            shares.append(sum)
        }
        for rank in shares.indices { shares[rank] /= sum }
    }

    mutating func next() -> Int {
        guard !shares.isEmpty else { return Int.random(in: 0..<count, using: &random) }
        let drawn = Double.random(in: 0..<1, using: &random)
        var low = 0
        var high = count - 1
        while low < high {
            let middle = (low + high) / 2
            if shares[middle] < drawn { low = middle + 1 } else { high = middle }
        }
        // Entities that are asked for often lie far apart.
        return low * 7_919 % count
    }
}
