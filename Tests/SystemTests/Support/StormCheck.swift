import Foundation
import Testing

/// What came of a storm.
struct StormFigures: CustomStringConvertible {
    var writes = 0
    var acknowledgedWrites = 0
    var acknowledgedRows = 0
    var unknownWrites = 0
    var unknownWritesFound = 0
    var lost = 0
    var doubled = 0
    var torn = 0
    var phantom = 0
    var wrong = 0

    var description: String {
        "\(writes) writes, \(acknowledgedWrites) acknowledged with \(acknowledgedRows) rows, \(unknownWrites) without an answer "
            + "(\(unknownWritesFound) of them found whole); lost \(lost), doubled \(doubled), torn writes \(torn), "
            + "rows nobody sent \(phantom), wrong values \(wrong)"
    }

    /// Compares all writes with the scanned rows.
    init(_ writes: [StormWrite], scan: [String]) throws {
        var counts: [Int: Int] = [:]
        for line in scan.dropFirst() {
            // id,event_time,ingest_time,position,row,value,note
            let cells = line.split(separator: ",", omittingEmptySubsequences: false)
            let key = try #require(Int(cells[0]))
            counts[key, default: 0] += 1
            if Int(cells[5]) != StormRows.value(key) || cells[6] != "note \(key)" { wrong += 1 }
        }
        doubled = counts.values.count { $0 > 1 }
        for write in writes {
            self.writes += 1
            let found = write.keys.count { counts[$0] != nil }
            for key in write.keys { counts[key] = nil }
            if found != 0 && found != write.rowCount { torn += 1 }
            if write.isAcknowledged {
                acknowledgedWrites += 1
                acknowledgedRows += write.rowCount
                lost += write.rowCount - found
            } else {
                unknownWrites += 1
                unknownWritesFound += found == write.rowCount ? 1 : 0
                if write.wasNeverSent { phantom += found }
            }
        }
        phantom += counts.count
    }
}

/// Every acknowledged row is there once in both stores, nothing else is, and the stores agree.
func expectWhole(_ writes: [StormWrite], in place: Place, offlineSocket: String = "s.sock") throws -> StormFigures {
    let position = try place.lastPosition()
    let offline = place.address(offlineSocket)
    let scan = try place.succeed("scan", "things", "--min-position", "\(position)", "--address", offline, "--out", "-")
    let figures = try StormFigures(writes, scan: scan.lines)
    #expect(
        figures.lost == 0 && figures.doubled == 0 && figures.torn == 0 && figures.phantom == 0 && figures.wrong == 0, "\(figures)"
    )
    try expectOnline(writes.filter(\.isAcknowledged), in: place)
    let audit = try place.succeed("audit", "--json", "--min-position", "\(position)", "--address", offline).json()
    #expect(audit["difference_count"] as? Int == 0)
    let groups = try #require(audit["groups"] as? [[String: Any]])
    #expect(groups.first?["online_rows"] as? Int == scan.lines.count - 1)
    return figures
}

/// Asks the online store for the first, the middle and the last row of every write.
private func expectOnline(_ writes: [StormWrite], in place: Place) throws {
    let keys = writes.flatMap { [$0.keys.lowerBound, $0.keys.lowerBound + $0.rowCount / 2, $0.keys.upperBound - 1] }
    for start in stride(from: 0, to: keys.count, by: 500) {
        let part = keys[start..<min(start + 500, keys.count)]
        let got = try place.succeed(
            ["get", "--features", "things:value", "--json"] + part.flatMap { ["--entity", "id=\($0)"] }
        ).json()
        let vectors = try #require(got["vectors"] as? [[String: Any]])
        let values = vectors.map { ($0["features"] as? [String: Any])?["value"] as? Int }
        #expect(values == part.map { StormRows.value($0) })
    }
}
