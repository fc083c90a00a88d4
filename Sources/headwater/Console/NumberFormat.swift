import Foundation

/// Numbers as people read them.
enum NumberFormat {
    /// `26,115`.
    static func count(_ number: some BinaryInteger) -> String {
        let digits = String(number.magnitude)
        var grouped = ""
        for (index, digit) in digits.enumerated() {
            if index > 0, (digits.count - index) % 3 == 0 { grouped += "," }
            grouped.append(digit)
        }
        return (number < 0 ? "-" : "") + grouped
    }

    /// `1 row`, `26,115 rows`.
    static func count(_ number: some BinaryInteger, _ noun: String) -> String {
        "\(count(number)) \(noun)\(number == 1 ? "" : "s")"
    }

    /// `1.5 MiB`.
    static func bytes(_ number: some BinaryInteger) -> String {
        var rest = Double(number)
        for unit in ["bytes", "KiB", "MiB", "GiB"] {
            if rest < 1_024 { return unit == "bytes" ? "\(number) bytes" : "\(fixed(rest, 1)) \(unit)" }
            rest /= 1_024
        }
        return "\(fixed(rest, 1)) TiB"
    }

    /// `0.31 s`.
    static func seconds(_ duration: Duration) -> String { "\(fixed(duration / .seconds(1), 2)) s" }

    static func fixed(_ number: Double, _ digits: Int) -> String {
        number.formatted(.number.grouping(.never).precision(.fractionLength(digits)).locale(Locale(identifier: "en_US_POSIX")))
    }
}
