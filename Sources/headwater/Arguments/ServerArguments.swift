import ArgumentParser
import FeatureModel
import Log
import Logging
import Transport
import Web

/// `HOST:PORT` or `unix:PATH`.
struct EndpointArgument: ExplainedArgument {
    static let forms = "HOST:PORT, such as 127.0.0.1:7070, *:PORT for all addresses, or unix:PATH"

    let endpoint: Endpoint

    var description: String { endpoint.description }

    init?(argument: String) {
        guard let endpoint = try? Endpoint(argument) else { return nil }
        self.endpoint = endpoint
    }
}

/// `HOST:PORT`, for HTTP.
struct HTTPAddressArgument: ExplainedArgument {
    static let forms = "HOST:PORT, such as 127.0.0.1:7072, or *:PORT for all addresses"

    let endpoint: Endpoint

    var description: String { endpoint.description }

    init?(argument: String) {
        guard let endpoint = try? Endpoint(argument), case .tcp = endpoint else { return nil }
        self.endpoint = endpoint
    }
}

/// `sync` or `interval:MS`.
struct DurabilityArgument: ExplainedArgument {
    static let forms = "sync, or interval:MS with 1 to 3600000 milliseconds, such as interval:10"

    /// An hour: nobody means more.
    private static let millisecondsMax: Int64 = 3_600_000

    let durability: Durability

    init(durability: Durability) { self.durability = durability }

    init?(argument: String) {
        if argument == "sync" {
            durability = .sync
            return
        }
        guard argument.hasPrefix("interval:"), let milliseconds = Int64(argument.dropFirst("interval:".count)), milliseconds > 0,
            milliseconds <= Self.millisecondsMax
        else { return nil }
        durability = .interval(milliseconds * 1_000)
    }

    var description: String {
        switch durability {
        case .sync: "sync"
        case .interval(let microseconds): "interval:\(microseconds / 1_000)"
        }
    }
}

/// A count of bytes: `1048576`, `64MiB`, `1GB`.
struct ByteSizeArgument: ExplainedArgument {
    static let forms = "a number of bytes from 1, such as 1048576, 64MiB or 1GB (B, KB, MB, GB, TB, KiB, MiB, GiB, TiB)"

    let count: Int

    var description: String { "\(count)" }

    init?(argument: String) {
        let units: [(suffix: String, bytes: Int)] = [
            ("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40), ("KB", 1_000), ("MB", 1_000_000),
            ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("B", 1), ("", 1),
        ]
        let digits = argument.prefix { $0.isASCII && $0.isNumber }
        guard let number = Int(digits), number > 0,
            let unit = units.first(where: { $0.suffix.lowercased() == argument.dropFirst(digits.count).lowercased() })
        else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit.bytes)
        if overflow { return nil }
        count = product
    }
}

/// A length of time, `90s`, `15m`, `24h` or `7d`, or `off`.
struct IntervalArgument: ExplainedArgument {
    static let forms = "a length of time, such as 500ms, 90s, 15m, 24h or 7d, or off"

    let duration: Duration?

    init(duration: Duration?) { self.duration = duration }

    init?(argument: String) {
        if argument == "off" {
            duration = nil
            return
        }
        if argument.hasSuffix("ms") {
            guard let number = Int64(argument.dropLast(2)), (1...3_600_000).contains(number) else { return nil }
            duration = .milliseconds(number)
            return
        }
        let units: [Character: Int64] = ["s": 1, "m": 60, "h": 3_600, "d": 86_400]
        guard let unit = argument.last.flatMap({ units[$0] }), let number = Int64(argument.dropLast()), number > 0,
            number <= 36_500
        else { return nil }
        duration = .seconds(number * unit)
    }

    var description: String {
        guard let duration else { return "off" }
        return TimeText.formatDuration(Int64(duration / .microseconds(1)))
    }
}

/// Where a collector takes spans.
struct CollectorArgument: ExplainedArgument {
    static let forms =
        "http://HOST:PORT, such as http://127.0.0.1:4318; there is no TLS: for https put a collector of this machine between"

    let url: CollectorURL

    var description: String { url.description }

    init?(argument: String) {
        guard let url = CollectorURL(argument) else { return nil }
        self.url = url
    }
}

/// A level of swift-log.
struct LogLevelArgument: ExplainedArgument {
    static let forms = Logger.Level.allCases.map(\.rawValue).joined(separator: ", ")

    let level: Logger.Level

    static let info = LogLevelArgument(level: .info)

    private init(level: Logger.Level) { self.level = level }

    init?(argument: String) {
        guard let level = Logger.Level(rawValue: argument) else { return nil }
        self.level = level
    }

    var description: String { level.rawValue }
}
