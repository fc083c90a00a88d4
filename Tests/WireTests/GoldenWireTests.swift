import FeatureModel
import Foundation
import Testing

@testable import Wire

/// The bytes on the wire, as committed files hold them: `name: hexadecimal`, a line each.
///
/// With `HEADWATER_GOLDEN=add` in the environment, lines that a file lacks are added to it. A line that is there is never
/// written anew: bytes on the wire are permanent.
@Suite struct GoldenWireTests {
    private let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Golden")

    @Test func everyHeadHasItsGoldenBytesAndDecodesToItself() throws {
        let golden = try GoldenLines(folder.appending(path: "heads.txt"))
        for sample in HeadSamples.all {
            try golden.check("\(sample.message)/\(sample.label)", sample.bytes)
            #expect(try sample.isDecoded(sample.bytes), "\(sample.message)/\(sample.label)")
        }
        try golden.finish()
    }

    @Test func everyMessageAndEachOfItsFieldsStandsAmongTheGoldenBytes() throws {
        let messages = try messagesOfTheProto()
        #expect(messages.count > 40)
        #expect(Set(HeadSamples.all.map(\.message)) == Set(messages.keys))
        for (message, numbers) in messages {
            let set = HeadSamples.all.filter { $0.message == message }.flatMap { fieldNumbers($0.bytes) }
            #expect(Set(set) == numbers, "fields of \(message) that a sample sets")
        }
    }

    @Test func everyFrameHasItsGoldenBytesAndDecodesToItself() throws {
        let golden = try GoldenLines(folder.appending(path: "frames.txt"))
        for sample in FrameSamples.all {
            let bytes = sample.frame.bytes
            try golden.check(sample.name, bytes)
            var decoder = FrameDecoder()
            decoder.receive(bytes[...])
            let frame = try #require(try decoder.next(), "\(sample.name)")
            #expect(frame.header == sample.frame.header, "\(sample.name)")
            #expect(
                (frame.head + frame.extensionBytes).elementsEqual(sample.frame.prefix.dropFirst(FrameHeader.byteCount)),
                "\(sample.name)")
            #expect(frame.body.elementsEqual(sample.frame.body), "\(sample.name)")
        }
        try golden.finish()
    }

    @Test(arguments: Wire.Method.allCases.filter { $0 != .getByNames })
    func everyMethodHasAGoldenRequestAndAnswer(method: Wire.Method) {
        let kinds = FrameSamples.all.map(\.frame.header).filter { $0.method == method && $0.status == .ok }.map(\.kind)
        let expected: Set<FrameKind> = method.isStream ? [.request, .data, .end] : [.request, .response]
        #expect(expected.isSubset(of: kinds))
    }

    @Test func everyKindOfFrameStandsAmongTheGoldenBytes() {
        #expect(Set(FrameSamples.all.map(\.frame.header.kind)) == Set(FrameKind.allCases))
    }

    /// The numbers of the fields of each message of the proto file.
    private func messagesOfTheProto() throws -> [String: Set<Int>] {
        let proto = folder.appending(path: "../../../Protos/headwater.proto").standardizedFileURL
        var messages: [String: Set<Int>] = [:]
        var current = ""
        for line in try String(contentsOf: proto, encoding: .utf8).split(separator: "\n") {
            if let match = line.firstMatch(of: /^message (\w+)/) {
                current = String(match.1)
                messages[current] = []
            } else if let match = line.firstMatch(of: /^ +(optional|repeated) \w+ \w+ = (\d+)/) {
                messages[current]?.insert(Int(match.2)!)
            }
        }
        return messages
    }

    /// The numbers of the fields in an encoded message, whose fields are all varints or run by a length.
    private func fieldNumbers(_ bytes: [UInt8]) -> Set<Int> {
        var numbers: Set<Int> = []
        var rest = bytes[...]
        func varint() -> UInt64 {
            var value: UInt64 = 0
            var shift: UInt64 = 0
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 127) << shift
                shift += 7
                if byte < 128 { break }
            }
            return value
        }
        while !rest.isEmpty {
            let tag = varint()
            numbers.insert(Int(tag >> 3))
            let value = varint()
            if tag & 7 == 2 { rest = rest.dropFirst(Int(value)) }
        }
        return numbers
    }
}

/// The lines of one golden file.
private final class GoldenLines {
    private let file: URL
    private let lines: [String: String]
    private var seen: Set<String> = []
    private var missing: [String] = []

    init(_ file: URL) throws {
        self.file = file
        let text = try String(contentsOf: file, encoding: .utf8)
        let pairs = text.split(separator: "\n").map { line in
            let colon = line.firstIndex(of: ":") ?? line.endIndex
            return (String(line[..<colon]), line[colon...].dropFirst().trimmingCharacters(in: .whitespaces))
        }
        lines = try Dictionary(pairs) { first, second in
            throw HeadwaterError(.dataLoss, "\(file.lastPathComponent) has two lines of one name: \(first), \(second)")
        }
    }

    func check(_ name: String, _ bytes: [UInt8]) throws {
        let hexadecimal = bytes.hexadecimal
        #expect(seen.insert(name).inserted, "two samples are called \(name)")
        if let line = lines[name] {
            #expect(hexadecimal == line, "\(name) has other bytes than \(file.lastPathComponent)")
        } else {
            missing.append(hexadecimal.isEmpty ? "\(name):\n" : "\(name): \(hexadecimal)\n")
        }
    }

    /// Finds what only the file or only the samples have.
    func finish() throws {
        #expect(Set(lines.keys).subtracting(seen) == [], "lines of \(file.lastPathComponent) without a sample")
        guard !missing.isEmpty else { return }
        if ProcessInfo.processInfo.environment["HEADWATER_GOLDEN"] == "add" {
            let text = try String(contentsOf: file, encoding: .utf8)
            try (text + missing.joined()).write(to: file, atomically: true, encoding: .utf8)
        } else {
            Issue.record("\(file.lastPathComponent) lacks \(missing.count) lines: see GoldenWireTests\n\(missing.joined())")
        }
    }
}
