internal import FeatureModel

/// Floats that are decimal numbers of few digits, as most measured
/// values are: `value = digits / 10^exponent`, with the digits packed.
///
/// Division of two exact numbers rounds correctly, so that a decimal that was read from text comes back bit by bit; every cell is
/// checked when it is encoded, and one that would not (NaN, -0.0, a long fraction) is kept as its bits beside. The place of such
/// an exception holds one less than the least digits. Layout: docs/formats/chunk.md.
///
/// *Source*: Afroozeh et al., "ALP: Adaptive Lossless Floating-Point Compression", SIGMOD 2024.
enum DecimalFloats {
    static let headBytes = 16
    private static let powers: [Double] = (0...15).map { exponent in (0..<exponent).reduce(1.0) { power, _ in power * 10 } }
    /// The largest number up to which a double holds every whole number.
    private static let digitsMax = 9_007_199_254_740_992.0
    private static let sampleCount = 64
    /// At most one cell in so many may be an exception.
    private static let exceptionShare = 16

    // MARK: Encoding

    /// - Parameter isSingle: the cells were float32.
    /// - Returns: `nil` where the cells are no decimals of few digits.
    static func encode(_ cells: [Double], isSingle: Bool) -> [UInt8]? {
        guard !cells.isEmpty, let exponent = exponent(of: cells, isSingle) else { return nil }
        let power = powers[exponent]
        var digits: [Int64] = []
        digits.reserveCapacity(cells.count)
        var exceptions: [Int] = []
        var least = Int64.max
        for cell in cells {
            if let exact = exactDigits(cell, power, isSingle) {
                digits.append(exact)
                least = min(least, exact)
            } else {
                exceptions.append(digits.count)
                digits.append(0)
            }
        }
        guard exceptions.count <= cells.count / exceptionShare, least < .max else { return nil }
        let mark = least - 1
        for index in exceptions { digits[index] = mark }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: UInt32(exponent))
        bytes.append(littleEndian: UInt32(exceptions.count))
        bytes.append(littleEndian: mark)
        for index in exceptions { bytes.append(littleEndian: UInt32(index)) }
        for index in exceptions { bytes.append(littleEndian: cells[index].bitPattern) }
        bytes += PackedIntegers.encode(digits)
        return bytes
    }

    private static func exponent(of cells: [Double], _ isSingle: Bool) -> Int? {
        let step = max(1, cells.count / sampleCount)
        let sample = stride(from: 0, to: cells.count, by: step).map { cells[$0] }
        return powers.indices.first { exponent in
            let failed = sample.reduce(0) { $0 + (exactDigits($1, powers[exponent], isSingle) == nil ? 1 : 0) }
            return failed <= sample.count / exceptionShare
        }
    }

    private static func exactDigits(_ cell: Double, _ power: Double, _ isSingle: Bool) -> Int64? {
        let scaled = (cell * power).rounded()
        guard abs(scaled) < digitsMax else { return nil }
        let digits = Int64(scaled)
        // The cell is checked as it would be decoded: from whole digits, which have no -0.
        let back = Double(digits) / power
        let isExact = isSingle ? Double(Float(back)).bitPattern == cell.bitPattern : back.bitPattern == cell.bitPattern
        return isExact ? digits : nil
    }

    // MARK: Decoding

    /// Checks that `count` cells can be read.
    ///
    /// - Throws: `.dataLoss` without a location.
    static func check(_ bytes: RawSpan, count: Int) throws(HeadwaterError) {
        guard bytes.byteCount >= headBytes, Int(bytes.littleEndian(at: 0, as: UInt32.self)) < powers.count else {
            throw HeadwaterError(.dataLoss, "decimal floats of an unknown exponent")
        }
        let exceptions = Int(bytes.littleEndian(at: 4, as: UInt32.self))
        let digitsAt = headBytes + exceptions * 12
        guard digitsAt <= bytes.byteCount else { throw HeadwaterError(.dataLoss, "decimal floats are cut off") }
        try PackedIntegers.check(bytes.extracting(digitsAt..<bytes.byteCount), count: count)
    }

    /// Reads cells one by one; the bytes have passed `check`.
    struct Reader {
        private let power: Double
        private let exceptionCount: Int
        private let mark: Int64
        private let digitsAt: Int
        private var digits: PackedIntegers.Reader

        init(_ bytes: RawSpan, count: Int) {
            power = powers[Int(bytes.littleEndian(at: 0, as: UInt32.self))]
            exceptionCount = Int(bytes.littleEndian(at: 4, as: UInt32.self))
            mark = bytes.littleEndian(at: 8)
            digitsAt = headBytes + exceptionCount * 12
            digits = PackedIntegers.Reader(bytes.extracting(digitsAt..<bytes.byteCount), count: count)
        }

        /// Cell number `index`. - Complexity: O(1); O(log n) for one of n exceptions.
        @inline(__always)
        mutating func value(_ index: Int, _ bytes: RawSpan) -> Double {
            let value = digits.value(index, bytes.extracting(digitsAt..<bytes.byteCount))
            if value == mark, exceptionCount > 0 { return exception(index, bytes) }
            return Double(value) / power
        }

        private func exception(_ index: Int, _ bytes: RawSpan) -> Double {
            var low = 0
            var high = exceptionCount
            while low < high {
                let middle = (low + high) / 2
                if Int(bytes.littleEndian(at: headBytes + middle * 4, as: UInt32.self)) < index {
                    low = middle + 1
                } else {
                    high = middle
                }
            }
            // A mark without an exception is no cell that was ever encoded.
            if low == exceptionCount { return .nan }
            return Double(bitPattern: bytes.littleEndian(at: headBytes + exceptionCount * 4 + low * 8))
        }
    }
}
