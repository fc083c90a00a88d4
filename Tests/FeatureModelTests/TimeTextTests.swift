import FeatureModel
import TestSupport
import Testing

@Suite struct TimeTextTests {
    @Test(arguments: [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("2000-02-29T00:00:00Z", 951_782_400_000_000),
        ("2013-12-31T23:59:59.5-05:00", 1_388_552_399_500_000),
        ("2013-12-31 23:59:59.5-05:00", 1_388_552_399_500_000),
        ("2013-12-31t23:59:59.500000000-05:00", 1_388_552_399_500_000),
        ("1970-01-01T05:30:00+05:30", 0),
        ("1970-01-01T00:00:00z", 0),
        ("1970-01-01T00:00:00", 0),
        ("1970-01-01T00:00:00.1234567Z", 123_456),
        ("0000-01-01T00:00:00Z", -62_167_219_200_000_000),
        ("9999-12-31T23:59:59.999999Z", 253_402_300_799_999_999),
        ("0", 0),
        ("-17", -17),
        ("9223372036854775807", Int64.max),
        ("-9223372036854775808", Int64.min),
    ])
    func rfc3339AndIntegerMicrosecondsAreRead(text: String, instant: Int64) {
        #expect(TimeText.parse(text) == instant)
    }

    @Test(arguments: [
        "", " ", "yesterday", "2013", "2013-02-29T00:00:00Z", "1900-02-29", "2013-13-01", "2013-00-01", "2013-01-00",
        "2013-04-31",
        "2013-01-01T24:00:00Z", "2013-01-01T00:60:00Z", "2013-01-01T00:00:60Z", "2013-01-01T00:00Z", "2013-01-01T00:00:00.Z",
        "2013-01-01T00:00:00.1234567890Z", "2013-01-01T00:00:00+0530", "2013-01-01T00:00:00+24:00", "2013-01-01T00:00:00+05:60",
        "2013-01-01T00:00:00Z ", " 2013-01-01", "2013-1-1", "02013-01-01", "-2013-01-01", "2013-01-01T", "2013-01-01T00:00:00ZZ",
        "9223372036854775808", "1.5", "+5", "+0", "0x10", "1e3", "1_000", "１９７０-01-01", "2013-01-01T00:00:00\u{301}Z",
    ])
    func otherTextIsRefused(text: String) {
        // A bare year is an integer: 2013 microseconds.
        #expect(TimeText.parse(text) == (text == "2013" ? 2_013 : nil))
    }

    @Test func everyDayOfFourCenturiesRoundTrips() {
        let first = TimeText.parse("1800-01-01")!
        for day in 0..<146_097 {
            let instant = first + Int64(day) * 86_400_000_000
            let text = TimeText.format(instant)
            guard TimeText.parse(text) == instant, text.hasSuffix("T00:00:00.000000Z") else {
                Issue.record("day \(day): \(text)")
                return
            }
        }
        #expect(TimeText.format(first + 146_097 * 86_400_000_000) == "2200-01-01T00:00:00.000000Z")
    }

    @Test(arguments: testSeeds)
    func instantsRoundTripThroughText(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        for _ in 0..<5_000 {
            let instant = Int64(bitPattern: random.next()) >> Int64(random.int(0...63))
            #expect(TimeText.parse(TimeText.format(instant)) == instant)
        }
    }

    @Test func instantsOutsideFourDigitYearsAreWrittenAsIntegers() {
        #expect(TimeText.format(253_402_300_800_000_000) == "253402300800000000")
        #expect(TimeText.format(-62_167_219_200_000_001) == "-62167219200000001")
        #expect(TimeText.format(.max) == "9223372036854775807")
        #expect(TimeText.format(EventTime.always) == "-9223372036854775808")
    }

    @Test(arguments: [
        ("500us", 500), ("500ms", 500_000), ("90s", 90_000_000), ("15m", 900_000_000), ("3h", 10_800_000_000),
        ("400d", 34_560_000_000_000), ("2w", 1_209_600_000_000),
    ])
    func durationsAreReadWithTheirUnit(text: String, duration: Int64) {
        #expect(TimeText.parseDuration(text) == duration)
        #expect(TimeText.parseDuration(TimeText.formatDuration(duration)) == duration)
    }

    @Test(arguments: [
        "", "3", "h", "0s", "-3h", "+3h", "1.5h", "3 h", "3H", "3hh", "9223372036854775807d", "99999999999999999999s", "٣h",
    ])
    func otherDurationsAreRefused(text: String) {
        #expect(TimeText.parseDuration(text) == nil)
    }

    @Test func durationsAreWrittenInTheLargestUnitThatIsExact() {
        #expect(TimeText.formatDuration(3_600_000_000) == "1h")
        #expect(TimeText.formatDuration(86_400_000_000 * 14) == "2w")
        #expect(TimeText.formatDuration(90_000_000) == "90s")
        #expect(TimeText.formatDuration(1) == "1us")
    }
}
