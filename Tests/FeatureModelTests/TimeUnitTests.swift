import FeatureModel
import Testing

@Suite struct TimeUnitTests {
    private static let second: Int64 = 1_767_603_600

    @Test func oneInstantIsTheSameInEveryUnit() {
        let wanted = Self.second * 1_000_000
        #expect(TimeUnit.seconds.instant(Self.second) == wanted)
        #expect(TimeUnit.milliseconds.instant(Self.second * 1_000) == wanted)
        #expect(TimeUnit.microseconds.instant(wanted) == wanted)
        #expect(TimeUnit.nanoseconds.instant(wanted * 1_000 + 999) == wanted)
        // Cut to the microsecond that it lies in, before 1970 too.
        #expect(TimeUnit.nanoseconds.instant(-1) == -1)
        #expect(TimeUnit.nanoseconds.instant(.min) == Int64.min / 1_000 - 1)
        #expect(TimeUnit.seconds.instant(.max) == nil && TimeUnit.milliseconds.instant(.min) == nil)
    }

    @Test func theLikelyUnitIsTheOneInWhichANumberLiesInOurTime() {
        let units: [(factor: Int64, unit: TimeUnit)] = [
            (1, .seconds), (1_000, .milliseconds), (1_000_000, .microseconds), (1_000_000_000, .nanoseconds),
        ]
        for (factor, unit) in units {
            #expect(TimeUnit.likely(for: Self.second * factor) == unit)
        }
        for number in [0, -1, 5, 20_260_105, .max, .min] as [Int64] { #expect(TimeUnit.likely(for: number) == nil) }
    }

    @Test func numbersAreRefusedOnlyWhereAllOfThemLieOutside() {
        func problem(_ numbers: [Int64], _ unit: TimeUnit? = nil) -> String? {
            var times = WholeTimes(unit: unit)
            for number in numbers { _ = times.instant(number) }
            return times.problem(option: "--time-unit")
        }
        let good = Self.second * 1_000_000
        #expect(problem([]) == nil && problem([good]) == nil)
        for numbers in [[0, good], [good, 0], [Self.second, good, Self.second]] { #expect(problem(numbers) == nil) }
        #expect(problem([Self.second, 0])?.contains("--time-unit s,") == true)
        #expect(problem([Self.second * 1_000])?.contains("in milliseconds it is 2026-01-05T09:00:00.000000Z") == true)
        #expect(problem([good * 1_000])?.contains("--time-unit ns") == true)
        #expect(problem([-5, 0, 7])?.contains("s, ms or ns") == true)
        // Zero is the same in every unit.
        #expect(problem([0]) == nil && problem([0, 0]) == nil)
        #expect(problem([5], .microseconds) == nil && problem([Self.second], .seconds) == nil)
        // The bounds: from 1971 up to and with 2200.
        #expect(problem([31_536_000_000_000]) == nil && problem([31_535_999_999_999]) != nil)
        #expect(problem([7_289_654_399_999_999]) == nil && problem([7_289_654_400_000_000]) != nil)
    }
}
