/// What somebody who misspelt a name may have meant.
public enum Suggestion {
    /// The entry of `names` that a misspelt `name` most likely means:
    /// the same letters in another order, or at most two edits away.
    public static func near(_ name: String, in names: some Sequence<String>) -> String? {
        let letters = name.utf8.sorted()
        if let swapped = names.first(where: { $0.utf8.count == letters.count && $0.utf8.sorted() == letters }) { return swapped }
        let best = names.map { ($0, editDistance(Array(name.utf8), Array($0.utf8))) }.min { $0.1 < $1.1 }
        guard let best, best.1 <= 2, best.1 < name.utf8.count else { return nil }
        return best.0
    }
}

/// Levenshtein's distance, up to 2; 3 for any that is greater. Only cells
/// that near the diagonal count: O(n), as there may be thousands of names.
private func editDistance(_ left: [UInt8], _ right: [UInt8]) -> Int {
    let band = 2
    if abs(left.count - right.count) > band { return band + 1 }
    var row = Array(0...right.count)
    for i in left.indices {
        let (first, last) = (max(0, i - band), min(right.count - 1, i + band))
        var diagonal = row[first]
        // What lies left of the band is too far away to count.
        row[first] = first == 0 ? i + 1 : band + 1
        var least = row[first]
        for j in first..<max(first, last + 1) {
            let above = j == i + band ? band + 1 : row[j + 1]
            let substituted = diagonal + (left[i] == right[j] ? 0 : 1)
            diagonal = row[j + 1]
            row[j + 1] = min(substituted, above + 1, row[j] + 1)
            least = min(least, row[j + 1])
        }
        if least > band { return band + 1 }
    }
    return min(band + 1, row[right.count])
}
