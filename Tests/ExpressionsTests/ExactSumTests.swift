import FeatureModel
import TestSupport
import Testing

@testable import Expressions

extension SplitMix64 {
    /// Finite float64 values of one kind: amounts of money, all exponents, subnormals, near the range's end, or cancelling ones.
    fileprivate mutating func finite(count: Int) -> [Double] {
        let kind = int(0...5)
        var values = (0..<count).map { _ in
            switch kind {
            case 0: Double(int(-200_000...200_000)) / 100
            case 1: Double(bitPattern: next() & ~(1 << 62))
            case 2: Double(bitPattern: next() & (1 << 63 | 1 << UInt64(int(0...52)) - 1))
            case 3:
                (chance(0.5) ? 1 : -1) * Double(sign: .plus, exponent: int(1000...1023), significand: Double.random(in: 1..<2))
            case 4: Double(sign: .plus, exponent: int(-1074...1000), significand: 1)
            default: Double(sign: chance(0.5) ? .plus : .minus, exponent: int(-60...60), significand: 1 + Double(int(0...7)) / 8)
            }
        }
        if chance(0.3) { values += values.map { -$0 } }
        return values.filter(\.isFinite)
    }
}

private func sumOf(_ values: some Sequence<Double>) -> ExactSum {
    var sum = ExactSum()
    for value in values { sum.add(value) }
    return sum
}

private func squaresOf(_ values: some Sequence<Double>) -> ExactProductSum {
    var squares = ExactProductSum()
    for value in values { squares.addSquare(value) }
    return squares
}

@Suite struct ExactSumTests {
    @Test(arguments: testSeeds)
    func theSumIsTheNearestToTheTrueOne(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let values = random.finite(count: random.int(0...12))
            let truth = values.map { NaiveInteger($0) }.reduce(NaiveInteger(), +)
            let found = sumOf(values)
            #expect(isNearest(found.rounded, to: truth), "\(values)")
            #expect(found.isZero == (truth.sign == 0))
        }
    }

    @Test(arguments: testSeeds)
    func noOrderOfAddingMergingAndTakingAwayChangesASum(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let values = random.finite(count: random.int(0...20))
            let others = random.finite(count: random.int(0...5)) + (random.chance(0.2) ? [.nan, .infinity, -.infinity] : [])
            let plain = sumOf(values)
            var shuffled = sumOf((values + others).shuffled(using: &random))
            for value in others { shuffled.subtract(value) }
            var merged = ExactSum()
            let cut = random.int(0...values.count)
            for part in [others[...], values[cut...], values[..<cut]].shuffled(using: &random) {
                var next = sumOf(part)
                if random.chance(0.5) { next.compact() }
                merged.merge(next)
            }
            if random.chance(0.5) { merged.compact() }
            merged.subtract(sumOf(others))
            for other in [shuffled, merged] {
                #expect(other == plain)
                #expect(other.rounded.bitPattern == plain.rounded.bitPattern)
            }
            var more = plain
            more.add(.leastNonzeroMagnitude)
            #expect(more != plain)
        }
    }

    @Test func zerosGivePositiveZero() {
        #expect(sumOf([]).rounded.bitPattern == 0)
        #expect(sumOf([-0.0, -0.0]).rounded.bitPattern == 0)
        #expect(sumOf([1e300, -1e300]).rounded.bitPattern == 0)
        #expect(sumOf([-0.0]) == ExactSum())
        #expect(squaresOf([-0.0]).rounded.bitPattern == 0)
    }

    @Test func specialValuesFollowIEEE() {
        let greatest = Double.greatestFiniteMagnitude
        #expect(sumOf([1, .nan]).rounded.bitPattern == 0x7FF8_0000_0000_0000)
        #expect(sumOf([.infinity, -.infinity]).rounded.bitPattern == 0x7FF8_0000_0000_0000)
        #expect(sumOf([.infinity, 1, -greatest]).rounded == .infinity)
        #expect(sumOf([-.infinity, 1]).rounded == -.infinity)
        #expect(sumOf([greatest, greatest]).rounded == .infinity)
        #expect(sumOf([greatest, greatest, -greatest]).rounded == greatest)
        #expect(sumOf([-greatest, greatest.ulp / -2]).rounded == -.infinity)
        #expect(sumOf([-greatest, (greatest.ulp / -2).nextUp]).rounded == -greatest)
        #expect(!sumOf([.nan]).isZero)
        var gone = sumOf([.nan, .infinity, 5])
        gone.subtract(sumOf([.infinity, .nan]))
        #expect(gone.rounded == 5)
    }

    @Test func tiesGoToEvenWhateverLiesFarBelow() {
        let next = 1 + 0x1p-52
        #expect(sumOf([1, 0x1p-53]).rounded == 1)
        #expect(sumOf([1, 0x1p-53, 0x1p-1074]).rounded == next)
        #expect(sumOf([next, 0x1p-53]).rounded == 1 + 0x1p-51)
        #expect(sumOf([next, 0x1p-53, -0x1p-1074]).rounded == next)
    }

    @Test func mergesBeyondTwoToTheThirtySecondLoseNothing() {
        // A sum merged with itself 44 times counts each value 2^44 times.
        var doubled = sumOf([0.1, .nan, 1e300, -7.25, 0x1p-1074])
        var negative = sumOf([-0.1, -1e300])
        for _ in 0..<44 {
            doubled.merge(doubled)
            negative.merge(negative)
        }
        #expect(doubled.rounded.isNaN)
        var nans = sumOf([.nan])
        for _ in 0..<44 { nans.merge(nans) }
        doubled.subtract(nans)
        doubled.merge(negative)
        #expect(doubled.rounded == -7.25 * 0x1p44)
        for _ in 0..<(1 << 11) { doubled.subtract(0x1p1000) }
        for _ in 0..<(1 << 11) { doubled.add(0x1p1000) }
        #expect(doubled.rounded == -7.25 * 0x1p44)
    }

    @Test func additionsBeyondTheLateCarryLoseNothing() {
        // The greatest significand, added as often as the digits can hold it without a carry and more.
        var digits = ExactDigits<4>()
        for _ in 0..<30 {
            digits.add(UInt64.max, at: 31, negative: true)
            digits.merge(digits, negative: false)
        }
        var truth = NaiveInteger()
        let value = -NaiveInteger(Int(UInt32.max)) * NaiveInteger(1 << 32 + 1)
        for _ in 0..<30 {
            truth = truth + value.shifted(31)
            truth = truth + truth
        }
        #expect(isNearest(digits.rounded(unit: -1074), to: truth))
        digits.carry()
        #expect(isNearest(digits.rounded(unit: -1074), to: truth))
    }

    @Test func aSumStaysSmall() {
        var random = SplitMix64(seed: 1)
        var money = sumOf((0..<10_000).map { _ in Double(random.int(1...200_000)) / 100 })
        money.compact()
        #expect(money.digitByteCount <= 16)
        var all = sumOf((0..<10_000).map { _ in Double(bitPattern: random.next()) }.filter(\.isFinite))
        #expect(all.digitByteCount <= 4 * 68)
        all.subtract(all)
        all.compact()
        #expect(all.digitByteCount == 0)
        var negative = sumOf([-1])
        for _ in 0..<100 { negative.compact() }
        #expect(negative.digitByteCount <= 4)
    }
}

@Suite struct ExactVarianceTests {
    @Test(arguments: testSeeds)
    func sumsOfProductsAreTheNearestToTheTrueOnes(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<60 {
            let values = random.finite(count: random.int(0...8))
            let pairs = zip(values, values.shuffled(using: &random))
            var truth = NaiveInteger()
            var found = ExactProductSum()
            for (left, right) in pairs {
                truth = truth + NaiveInteger(left) * NaiveInteger(right)
                found.addProduct(left, right)
            }
            #expect(isNearest(found.rounded, to: truth, unit: 2148), "\(values)")
            for (left, right) in pairs { found.subtractProduct(left, right) }
            #expect(found.isZero)
        }
    }

    @Test(arguments: testSeeds)
    func theVarianceIsTheNearestToTheTrueOne(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<40 {
            var values = random.finite(count: random.int(2...8))
            if values.count < 2 { values = [1, 2] }
            let sum = values.map { NaiveInteger($0) }.reduce(NaiveInteger(), +)
            let squares = values.map { NaiveInteger($0) * NaiveInteger($0) }.reduce(NaiveInteger(), +)
            let count = NaiveInteger(values.count)
            let truth = count * squares - sum * sum
            for population in [false, true] {
                let found = ExactVariance.of(
                    count: Int64(values.count), sum: sumOf(values), squares: squaresOf(values),
                    population: population)
                let divisor = count * (population ? count : NaiveInteger(values.count - 1))
                #expect(isNearest(try #require(found), to: truth, over: divisor, unit: 2148), "\(values)")
            }
        }
    }

    @Test(arguments: testSeeds)
    func theVarianceOfIntegersIsTheNearestToTheTrueOne(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        for _ in 0..<100 {
            let bits = random.int(0...63)
            let numbers = (0..<random.int(2...20)).map { _ in
                random.chance(0.1) ? random.pick([.min, .max]) : Int64(bitPattern: random.next()) >> Int64(bits)
            }
            var sum = ExactIntegerSum()
            var squares = ExactIntegerSquareSum()
            var trueSum = NaiveInteger()
            var trueSquares = NaiveInteger()
            for number in numbers {
                sum.add(number)
                squares.add(number)
                trueSum = trueSum + NaiveInteger(Int(number))
                trueSquares = trueSquares + NaiveInteger(Int(number)) * NaiveInteger(Int(number))
            }
            #expect(isNearest(sum.rounded, to: trueSum, unit: 0))
            let count = NaiveInteger(numbers.count)
            let found = try #require(ExactVariance.of(count: Int64(numbers.count), sum: sum, squares: squares))
            let divisor = count * NaiveInteger(numbers.count - 1)
            #expect(isNearest(found, to: count * trueSquares - trueSum * trueSum, over: divisor, unit: 0), "\(numbers)")
            for number in numbers.shuffled(using: &random) {
                sum.subtract(number)
                squares.subtract(number)
            }
            #expect(sum == ExactIntegerSum() && squares == ExactIntegerSquareSum())
        }
    }

    @Test func sumsOfIntegersGoBeyond64BitsAndBack() {
        var sum = ExactIntegerSum()
        var squares = ExactIntegerSquareSum()
        for _ in 0..<3 { sum.add(.min) }
        squares.add(.min)
        #expect(sum.int64 == nil)
        #expect(sum.rounded == -0x1.8p64)
        for _ in 0..<60 {
            sum.merge(sum)
            squares.merge(squares)
        }
        #expect(sum.value == -3 << 123)
        #expect(squares.high == 1 << 58 && squares.low == 0)
        sum.subtract(sum)
        #expect(sum.int64 == 0)
    }

    @Test func aSmallSpreadAroundAGreatMeanIsKept() {
        // Sums of float64 give -2.05 and the like for such values.
        let values = [1e8 - 1, 1e8, 1e8 + 1]
        #expect(ExactVariance.of(count: 3, sum: sumOf(values), squares: squaresOf(values)) == 1)
        #expect(
            ExactVariance.of(count: 3, sum: sumOf(values), squares: squaresOf(values), population: true)
                == 2.0 / 3)
    }

    @Test func edgesOfTheVariance() {
        func of(_ values: [Double], population: Bool = false) -> Double? {
            ExactVariance.of(
                count: Int64(values.count), sum: sumOf(values), squares: squaresOf(values),
                population: population)
        }
        #expect(of([]) == nil)
        #expect(of([], population: true) == nil)
        #expect(of([7]) == nil)
        #expect(of([7], population: true) == 0)
        #expect(of([7, 7, 7])?.bitPattern == 0)
        #expect(of([1, .nan])?.bitPattern == 0x7FF8_0000_0000_0000)
        #expect(of([1, .infinity])?.bitPattern == 0x7FF8_0000_0000_0000)
        #expect(of([1e200, -1e200]) == .infinity)
        #expect(of([0x1p-1074, 0]) == 0)
        #expect(of([0x1p-537, 0]) == 0)
        #expect(of([0x1p-536, 0]) == 0x1p-1073)
        // A count of 2^62 equal values, by merging.
        var sum = sumOf([0.1, 0.3])
        var squares = squaresOf([0.1, 0.3])
        let pair = ExactVariance.of(count: 2, sum: sum, squares: squares, population: true)
        for _ in 0..<61 {
            sum.merge(sum)
            squares.merge(squares)
        }
        #expect(ExactVariance.of(count: 1 << 62, sum: sum, squares: squares, population: true) == pair)
    }
}
