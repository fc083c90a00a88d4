/// The media types that a client takes, by its `Accept` headers.
///
/// *Source*: RFC 9110, section 12.5.1.
struct AcceptedTypes {
    private struct Range {
        /// In lower case and without parameters: `text/csv`, `text/*` or `*/*`.
        let type: String
        let quality: Double
    }

    /// How well a type is taken: first by its quality, then by how exactly it is named, then by its place among those named.
    struct Rank: Comparable {
        let quality: Double
        fileprivate let exactness: Int
        fileprivate let place: Int

        static func < (left: Self, right: Self) -> Bool {
            (left.quality, left.exactness, right.place) < (right.quality, right.exactness, left.place)
        }
    }

    private let ranges: [Range]

    /// - Parameter choices: of all headers, without the commas between them.
    init(_ choices: [String]) {
        ranges = choices.compactMap { choice in
            let type = String(choice.prefix { $0 != ";" }).trimmedOfSpaces.lowercased()
            return type.isEmpty ? nil : Range(type: type, quality: Self.quality(choice))
        }
    }

    /// Whether the client says nothing of what it takes.
    var isEmpty: Bool { ranges.isEmpty }

    /// How well the client takes a type; `nil` where it does not, which `q=0` says too.
    ///
    /// - Parameter aliases: types by which the same is asked for.
    func rank(of type: String, aliases: [String] = []) -> Rank? {
        let names = [[type], aliases, ["\(type.prefix { $0 != "/" })/*"], ["*/*"]]
        // What is named more exactly overrides what is named less so.
        for (vagueness, names) in names.enumerated() {
            guard let place = ranges.firstIndex(where: { names.contains($0.type) }) else { continue }
            let quality = ranges[place].quality
            return quality > 0 ? Rank(quality: quality, exactness: -vagueness, place: place) : nil
        }
        return nil
    }

    /// The `q` of one choice.
    static func quality(_ choice: String) -> Double {
        for parameter in choice.split(separator: ";").dropFirst() {
            let text = String(parameter).trimmedOfSpaces.lowercased()
            if text.hasPrefix("q=") { return Double(text.dropFirst(2)).map { $0 > 0 ? min($0, 1) : 0 } ?? 0 }
        }
        return 1
    }
}
