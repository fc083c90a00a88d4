import Transport

/// How metrics are written: Prometheus' text format 0.0.4, or OpenMetrics 1.0.0.
enum ExpositionFormat {
    case prometheus
    case openMetrics

    /// The one that a scraper prefers, by its `Accept` headers.
    init(accept: [String]) {
        let wanted = accept.flatMap { $0.split(separator: ",") }.map { String($0).trimmedOfSpaces }
        let open = wanted.filter { $0.hasPrefix("application/openmetrics-text") }.map(AcceptedTypes.quality).max() ?? 0
        let plain = wanted.filter { $0.hasPrefix("text/plain") }.map(AcceptedTypes.quality).max() ?? 0
        self = open > 0 && open >= plain ? .openMetrics : .prometheus
    }

    var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    func encode(_ families: [MetricFamily]) -> [UInt8] {
        var text = ""
        for family in families where !family.samples.isEmpty { append(family, to: &text) }
        if case .openMetrics = self { text += "# EOF\n" }
        return Array(text.utf8)
    }

    private func append(_ family: MetricFamily, to text: inout String) {
        let suffix = family.kind == .counter ? "_total" : ""
        // OpenMetrics names the family, the older format what its samples are called.
        let title = if case .openMetrics = self { family.name } else { family.name + suffix }
        text += "# HELP \(title) \(Self.escaped(family.help, quotes: false))\n# TYPE \(title) \(family.kind.rawValue)\n"
        if case .openMetrics = self, let unit = family.unit { text += "# UNIT \(title) \(unit)\n" }
        for sample in family.samples {
            switch sample.value {
            case .integer(let value): Self.append(family.name + suffix, sample.labels, "\(value)", to: &text)
            case .number(let value): Self.append(family.name + suffix, sample.labels, Self.text(value), to: &text)
            case .histogram(let counts): Self.append(counts, of: family.name, sample.labels, to: &text)
            }
        }
    }

    private static func append(
        _ counts: DurationHistogram.Counts, of name: String, _ labels: [(name: String, value: String)], to text: inout String
    ) {
        var total: UInt64 = 0
        for (index, count) in counts.buckets.enumerated() {
            total += count
            let bounds = DurationHistogram.boundsNanoseconds
            let bound = index < bounds.count ? Self.text(Double(bounds[index]) / 1e9) : "+Inf"
            append(name + "_bucket", labels + [("le", bound)], "\(total)", to: &text)
        }
        append(name + "_sum", labels, Self.text(Double(counts.sumNanoseconds) / 1e9), to: &text)
        append(name + "_count", labels, "\(total)", to: &text)
    }

    private static func append(
        _ name: String, _ labels: [(name: String, value: String)], _ value: String, to text: inout String
    ) {
        text += name
        if !labels.isEmpty {
            text += "{"
            for (index, label) in labels.enumerated() {
                text += "\(index > 0 ? "," : "")\(label.name)=\"\(escaped(label.value, quotes: true))\""
            }
            text += "}"
        }
        text += " \(value)\n"
    }

    private static func text(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
        return value == value.rounded() && abs(value) < 1e15 ? "\(Int64(value))" : "\(value)"
    }

    private static func escaped(_ text: String, quotes: Bool) -> String {
        guard text.utf8.contains(where: { $0 == UInt8(ascii: "\\") || $0 == 10 || $0 == UInt8(ascii: "\"") }) else { return text }
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\\": escaped += "\\\\"
            case "\n": escaped += "\\n"
            case "\"" where quotes: escaped += "\\\""
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
