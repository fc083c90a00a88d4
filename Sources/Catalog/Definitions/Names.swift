internal import FeatureModel
internal import Foundation

/// The rules for names of projects, entities, groups, services, columns and tags.
///
/// A valid name is in composed form, so two valid names are the same `String` exactly where their bytes are the same.
public enum Names {
    /// Names that a scan gives to columns of its own.
    static let scanColumns = ["event_time", "ingest_time", "position", "row"]
    static let statusSuffix = "__status"
    /// How names of the system's own begin.
    static let systemPrefix = "headwater."

    /// What is wrong with a name; `nil` where nothing is.
    public static func problem(with name: String) -> String? {
        if name.isEmpty { return "a name is missing" }
        guard name.utf8.count <= Limits.nameBytesMax else {
            return "a name of \(name.utf8.count) bytes: the limit is \(Limits.nameBytesMax)"
        }
        if let odd = name.unicodeScalars.first(where: { !isAllowed($0) }) {
            return "bad name '\(name)': \(spelt(odd)) is not allowed; use letters, digits, '_', '-', '.'"
        }
        guard name.first != "-", name.first != "." else {
            return "bad name '\(name)': the first character is a letter, a digit or '_'"
        }
        guard name.precomposedStringWithCanonicalMapping.utf8.elementsEqual(name.utf8) else {
            return "bad name '\(name)': write it in composed form (Unicode NFC)"
        }
        return nil
    }

    /// What is wrong with a key's or a feature's name.
    static func problem(withColumn name: String) -> String? {
        scanColumns.contains(name)
            ? "'\(name)' is the name of a column that a scan adds: call it "
                + "otherwise" : problem(with: name)
    }

    /// What is wrong with the name of the event time or available time column.
    static func problem(withTimeColumn name: String, isEventTime: Bool) -> String? {
        isEventTime && name == "event_time" ? nil : problem(withColumn: name)
    }

    /// What is wrong with a feature's name or an alias.
    static func problem(withOutput name: String) -> String? {
        if name.hasSuffix(statusSuffix) { return "bad name '\(name)': '\(statusSuffix)' is the ending of status columns" }
        return problem(withColumn: name)
    }

    private static func isAllowed(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "_", "-", ".": return true
            default: return false
            }
        }
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .decimalNumber,
            .nonspacingMark, .spacingMark:
            return true
        default: return false
        }
    }

    private static func spelt(_ scalar: Unicode.Scalar) -> String {
        switch scalar {
        case " ": "a space"
        case "!"..."~": "'\(scalar)'"
        default: "U+" + String(scalar.value, radix: 16, uppercase: true)
        }
    }
}

/// `: did you mean 'x'?`, or else what there is.
func hint(for name: String, in names: some Collection<String>, kind: String) -> String {
    if let near = Suggestion.near(name, in: names) { return "did you mean '\(near)'?" }
    if names.isEmpty { return "there is none" }
    let shown = names.prefix(12).joined(separator: ", ")
    return "\(kind) \(shown)\(names.count > 12 ? ", …" : "")"
}
