import FeatureModel
import Foundation

/// One write as the journals tell it.
struct JournalEntry {
    var sent: UInt64
    var answered: UInt64?
    /// Where it was acknowledged.
    var position: Position?
    var ingestTime: Microseconds = 0
    var isDuplicate = false
    /// Why there is no acknowledgement.
    var error: (code: StatusCode, message: String)?
}

/// All clients' journals, read as they grow.
struct Journals {
    private(set) var entries: [RequestID: JournalEntry] = [:]
    /// Positions that a read was told are lost.
    private(set) var lost: [(position: Position, code: StatusCode)] = []
    private(set) var violations: [(promise: String, message: String)] = []
    /// What each client said last of its pause and its reads, by path.
    private(set) var pauses: [String: (token: String, gets: Int, histories: Int, refused: Int)] = [:]
    private var offsets: [String: UInt64] = [:]

    /// Reads what was added since the last time.
    mutating func read(_ paths: [String]) throws {
        for path in paths {
            guard let file = FileHandle(forReadingAtPath: path) else { continue }
            defer { try? file.close() }
            try file.seek(toOffset: offsets[path] ?? 0)
            guard let data = try file.readToEnd(), let end = data.lastIndex(of: UInt8(ascii: "\n")) else { continue }
            offsets[path, default: 0] += UInt64(end + 1)
            for line in data[...end].split(separator: UInt8(ascii: "\n")) { try read(line, of: path) }
        }
    }

    /// Writes that were refused with this code.
    func refusals(_ code: StatusCode) -> Int { entries.values.count { $0.error?.code == code } }

    private mutating func read(_ line: Data, of path: String) throws {
        let words = String(decoding: line, as: UTF8.self).split(separator: " ", maxSplits: 5)
        func number<N: FixedWidthInteger>(_ index: Int) throws -> N {
            guard index < words.count, let number = N(words[index]) else { throw TortureError("\(path): \(words)") }
            return number
        }
        switch words[0] {
        case "S": entries[RequestID(try number(1))] = JournalEntry(sent: try number(2))
        case "A":
            let id = RequestID(try number(1))
            entries[id]?.answered = try number(2)
            entries[id]?.position = try number(3)
            entries[id]?.ingestTime = try number(4)
            entries[id]?.isDuplicate = words[5] == "1"
        case "U":
            let id = RequestID(try number(1))
            entries[id]?.answered = try number(2)
            entries[id]?.error = (StatusCode(rawValue: try number(3)) ?? .unknown, words.dropFirst(4).joined(separator: " "))
        case "L": lost.append((try number(1), StatusCode(rawValue: try number(2)) ?? .unknown))
        case "V": violations.append((String(words[1]), words.dropFirst(2).joined(separator: " ")))
        case "P": pauses[path] = (String(words[1]), try number(2), try number(3), try number(4))
        default: throw TortureError("\(path): \(words)")
        }
    }
}
