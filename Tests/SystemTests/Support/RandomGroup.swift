import Foundation
import TestSupport
import Testing

/// A random group with few keys and few times, so that ties, late rows and deletes meet; and what it must answer.
struct RandomGroup: CustomStringConvertible {
    struct Row {
        let key: String
        let time: Int
        let position: Int
        let isDelete: Bool
        let value: Int?
        let text: String?
    }

    struct SpineRow {
        /// `nil` is null.
        let key: String?
        let text: String
        let time: Int
    }

    private static let times = 0...30

    let seed: UInt64
    let name: String
    private let keyType: String
    private let maxAge: Int?
    private let keys: [String]
    private var random: SplitMix64
    private var rows: [Row] = []
    private(set) var positions: [Int] = []

    init(number: Int, seed: UInt64) {
        self.seed = seed
        name = "group\(number)"
        random = SplitMix64(seed: seed)
        let isText = random.chance(0.5)
        keyType = isText ? "string" : "int64"
        maxAge = random.chance(0.7) ? random.int(1...12) : nil
        let all = isText ? ["", "a", "ab", "é", "e\u{301}", "a,b", "a\"b"] : ["\(Int.min)", "-1", "0", "1", "2", "\(Int.max)"]
        keys = Array(all.prefix(random.int(2...all.count)))
    }

    var rowCount: Int { rows.count }
    var description: String { "\(name), keys \(keys) of \(keyType), max_age \(maxAge ?? -1), rows \(rows)" }

    static func definitions(_ groups: [RandomGroup]) -> String {
        """
        project: shop
        entities:
          - {name: byint64, keys: [{name: k, type: int64}]}
          - {name: bystring, keys: [{name: k, type: string}]}
        feature_groups:

        """
            + groups.map {
                "  - {name: \($0.name), entity: by\($0.keyType), event_time: t, max_age: \($0.maxAge.map { "\($0)us" } ?? "none"), "
                    + "features: [{name: v, type: int64}, {name: s, type: string}]}\n"
            }.joined()
    }

    /// Two to four requests, each of writes or of deletes.
    mutating func write(to place: Place) throws {
        for _ in 0..<random.int(2...4) {
            let isDelete = random.chance(0.3)
            var csv = isDelete ? "t,k\n" : "t,s,k,v\n"
            var request: [(key: String, time: Int, value: Int?, text: String?)] = []
            for _ in 0..<random.int(1...(isDelete ? 3 : 25)) {
                let (key, time) = (random.pick(keys), random.int(Self.times))
                let value = random.chance(0.2) ? nil : random.int(-9...9)
                let text = random.chance(0.2) ? nil : random.pick(["", "x", "two words", "1,2"])
                csv +=
                    isDelete
                    ? "\(time),\(Self.quoted(key))\n"
                    : "\(time),\(text.map(Self.quoted) ?? ""),\(Self.quoted(key)),\(value.map { "\($0)" } ?? "")\n"
                request.append((key, time, value, text))
            }
            let command = [isDelete ? "delete" : "write", name, "--from", "-", "--time-unit", "us", "--json"]
            let position = try #require(try place.succeed(command, input: csv).json()["position"] as? Int)
            positions.append(position)
            rows += request.map {
                Row(key: $0.key, time: $0.time, position: position, isDelete: isDelete, value: $0.value, text: $0.text)
            }
        }
    }

    /// Unsorted, with duplicates, null keys and keys that were never written.
    func spine(_ random: inout SplitMix64) -> [SpineRow] {
        let unknown = keyType == "string" ? "zz" : "77"
        return (0..<80).map { _ in
            let time = random.int(Self.times.lowerBound - 3...Self.times.upperBound + 15)
            if random.chance(0.05) { return SpineRow(key: nil, text: "", time: time) }
            let key = random.chance(0.05) ? unknown : random.pick(keys)
            return SpineRow(key: key, text: Self.quoted(key), time: time)
        }
    }

    /// `v,v__status,s,s__status` of one spine row: the last row of its key in (event time, position, row) order, found by a walk.
    func cells(key: String?, time: Int, asOf: Int?) -> String {
        var best: Row?
        for row in rows where row.time <= time && row.position <= asOf ?? Int.max {
            guard let key, row.key.utf8.elementsEqual(key.utf8) else { continue }
            // Rows stand in the order of position and row: the later one wins a tie.
            if best == nil || best!.time <= row.time { best = row }
        }
        guard let best, !best.isDelete else { return ",NOT_FOUND,,NOT_FOUND" }
        if let maxAge, best.time < time - maxAge { return ",OUTSIDE_MAX_AGE,,OUTSIDE_MAX_AGE" }
        let value = best.value.map { "\($0),PRESENT" } ?? ",NULL_VALUE"
        let text = best.text.map { "\(Self.output($0)),PRESENT" } ?? ",NULL_VALUE"
        return "\(value),\(text)"
    }

    private static func quoted(_ text: String) -> String {
        "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
    }

    /// As tables are written: quoted where needed.
    private static func output(_ text: String) -> String {
        text.isEmpty || text.contains(",") ? quoted(text) : text
    }
}
