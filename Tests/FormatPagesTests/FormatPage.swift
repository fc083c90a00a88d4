import Foundation

/// A page of docs/formats, and the worked examples in it.
///
/// An example is a code block whose first line gives its kind and its name:
///
/// - `bytes NAME`: each line has an offset, bytes and, two or more spaces apart, what they mean. Bytes are hexadecimal pairs, of
///   which `00 × 12` repeats one, or a text between double quotes.
/// - `json NAME`: one JSON text, whose lines are joined to one.
/// - `text NAME`: lines as they are.
struct FormatPage {
    struct Example {
        let name: String
        /// Where it begins, for messages.
        let place: String
        let bytes: [UInt8]
    }

    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/formats")

    static func names() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: folder.path(percentEncoded: false)).filter { $0.hasSuffix(".md") }
            .sorted()
    }

    let examples: [Example]

    init(named name: String) throws {
        let text = try String(contentsOf: Self.folder.appending(path: name), encoding: .utf8)
        try self.init(text, name: name)
    }

    init(_ text: String, name: String) throws {
        var examples: [Example] = []
        var block: (kind: String, name: String, line: Int, lines: [String])?
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            if let open = block {
                guard line.hasPrefix("```") else {
                    block!.lines.append(String(line))
                    continue
                }
                block = nil
                let place = "\(name):\(open.line)"
                let bytes: [UInt8]
                switch open.kind {
                case "bytes": bytes = try Self.bytes(open.lines, place)
                case "json": bytes = Array(open.lines.joined().utf8)
                default: bytes = Array(open.lines.map { $0 + "\n" }.joined().utf8)
                }
                examples.append(Example(name: open.name, place: place, bytes: bytes))
            } else if line.hasPrefix("```") {
                let words = line.dropFirst(3).split(separator: " ")
                // A block without a name is no example: grammar, YAML.
                block = words.count == 2 ? (String(words[0]), String(words[1]), index + 1, []) : ("text", "", index + 1, [])
            }
        }
        self.examples = examples.filter { !$0.name.isEmpty }
    }

    private static func bytes(_ lines: [String], _ place: String) throws -> [UInt8] {
        var bytes: [UInt8] = []
        for line in lines {
            let columns = line.split(separator: /\s{2,}/, maxSplits: 2, omittingEmptySubsequences: true)
            guard columns.count >= 2, let offset = Int(columns[0].trimmingPrefix(while: \.isWhitespace)) else {
                throw Mistake(description: "\(place): '\(line)' has no offset, bytes and meaning, two spaces apart")
            }
            guard offset == bytes.count else {
                throw Mistake(description: "\(place): '\(line)' stands at offset \(bytes.count)")
            }
            try append(String(columns[1]), to: &bytes, place)
        }
        return bytes
    }

    private static func append(_ column: String, to bytes: inout [UInt8], _ place: String) throws {
        if column.hasPrefix("\""), column.hasSuffix("\""), column.count > 1 {
            bytes += column.utf8.dropFirst().dropLast()
            return
        }
        var words = column.split(separator: " ")[...]
        while let word = words.popFirst() {
            guard word.utf8.count == 2, let byte = UInt8(word, radix: 16) else {
                throw Mistake(description: "\(place): '\(word)' in '\(column)' is no byte")
            }
            var count = 1
            if words.first == "×" {
                words.removeFirst()
                count = words.popFirst().flatMap { Int($0) } ?? 0
            }
            bytes += [UInt8](repeating: byte, count: count)
        }
    }

    /// How a page shows these bytes, without what they mean.
    static func shown(_ bytes: [UInt8]) -> String {
        var lines: [String] = []
        var at = 0
        while at < bytes.count {
            let zeros = bytes[at...].prefix { $0 == 0 }.count
            if zeros >= 24 {
                lines.append("\(at)  00 × \(zeros)")
                at += zeros
                continue
            }
            let line = bytes[at...].prefix(16)
            lines.append(
                "\(at)  " + line.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }.joined(separator: " "))
            at += line.count
        }
        return lines.joined(separator: "\n")
    }
}
