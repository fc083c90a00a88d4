import Transport

/// Metrics of one name: what they mean, and the values of each set of labels.
struct MetricFamily {
    enum Kind: String { case counter, gauge, histogram }

    enum Value {
        case integer(Int)
        case number(Double)
        case histogram(DurationHistogram.Counts)
    }

    struct Sample {
        var labels: [(name: String, value: String)] = []
        var value: Value
    }

    /// Without the suffix that the kind asks for: a counter `headwater_requests` is written `headwater_requests_total`.
    let name: String
    let kind: Kind
    /// The unit, which the name ends with; `nil` for a plain count.
    let unit: String?
    /// A sentence without a full stop.
    let help: String
    var samples: [Sample]

    init(_ kind: Kind, _ name: String, unit: String? = nil, _ help: String, _ samples: [Sample]) {
        (self.kind, self.name, self.unit, self.help, self.samples) = (kind, name, unit, help, samples)
    }

    /// One value without labels.
    init(_ kind: Kind, _ name: String, unit: String? = nil, _ help: String, _ value: Value) {
        self.init(kind, name, unit: unit, help, [Sample(value: value)])
    }
}

extension MetricFamily.Value {
    static func integer(_ value: UInt64) -> Self { .integer(Int(clamping: value)) }

    /// A time in microseconds as seconds.
    static func seconds(microseconds: Int64) -> Self { .number(Double(microseconds) / 1e6) }

    static func flag(_ isSet: Bool) -> Self { .integer(isSet ? 1 : 0) }
}
