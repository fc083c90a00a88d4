import Engine
import FeatureModel
import Testing

@Suite struct ClockWatchTests {
    private static let second: Microseconds = 1_000_000

    @Test func aClockIsTrustedOnceItKeptStepForTenMinutes() {
        var watch = ClockWatch()
        let looks = (0...600).map { watch.look(wall: at($0), elapsed: Self.second * Int64($0)) }
        #expect(looks == Array(repeating: false, count: 600) + [true])
    }

    @Test(arguments: [86_400 * 365, -3_600, 11]) func aStepStartsTheWaitAnew(bySeconds step: Int) {
        var watch = ClockWatch()
        for second in 0...700 { _ = watch.look(wall: at(second), elapsed: Self.second * Int64(second)) }
        let looks = (701...1_301).map { watch.look(wall: at($0 + step), elapsed: Self.second * Int64($0)) }
        #expect(looks == Array(repeating: false, count: 600) + [true])
    }

    @Test func driftIsNoStep() {
        var watch = ClockWatch()
        for second in 0..<700 { _ = watch.look(wall: at(second) + Int64(second) * 500, elapsed: Self.second * Int64(second)) }
        let isSteady = watch.look(wall: at(700) + 350_000, elapsed: Self.second * 700)
        #expect(isSteady)
    }

    private func at(_ second: Int) -> Microseconds { 1_700_000_000_000_000 + Self.second * Int64(second) }
}
