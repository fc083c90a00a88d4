import ArgumentParser
import FeatureModel

/// `--time-unit`.
struct TimeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The unit of times that are whole numbers, in options, keys and tables: s, ms, us or ns. Default: us, refused where all lie "
                + "outside the years 1971 to 2200.",
            valueName: "unit"))
    private var timeUnit: TimeUnitArgument?

    var unit: TimeUnit? { timeUnit?.unit }

    /// Reads the instant of an option.
    ///
    /// - Throws: where it is a whole number that cannot be what it is read as.
    func read(_ instant: Instant?, _ option: String) throws -> Microseconds? {
        switch instant {
        case nil: return nil
        case .text(let microseconds): return microseconds
        case .number(let number):
            var times = WholeTimes(unit: unit)
            guard let microseconds = times.instant(number) else {
                throw ValidationError("\(option): \(number) \((unit ?? .microseconds).plural) since 1970 are no time")
            }
            if let problem = times.problem(option: "--time-unit") { throw ValidationError("\(option): \(problem)") }
            return microseconds
        }
    }
}

/// `s`, `ms`, `us` or `ns`.
enum TimeUnitArgument: String, ExpressibleByArgument, CaseIterable {
    case s, ms, us, ns

    var unit: TimeUnit { TimeUnit(rawValue: rawValue)! }
}

/// An instant of the command line: text, or a whole number whose unit another option states.
enum Instant: ExplainedArgument {
    static let forms = "RFC 3339, such as 2013-12-31T23:00:00Z, a date, or a whole number since 1970 UTC (--time-unit)"

    case text(Microseconds)
    case number(Int64)

    init?(argument: String) {
        if let instant = TimeText.parseRFC3339(argument) {
            self = .text(instant)
        } else if let number = Int64(argument) {
            self = .number(number)
        } else {
            return nil
        }
    }

    static var help: String { forms }

    var description: String {
        switch self {
        case .text(let instant): TimeText.format(instant)
        case .number(let number): "\(number)"
        }
    }
}
