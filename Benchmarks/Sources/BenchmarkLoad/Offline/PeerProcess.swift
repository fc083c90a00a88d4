internal import CLoadCore
internal import Foundation

/// The peers of the offline benchmark: `Benchmarks/peers/offline.py`, one request and one answer a line.
public final class PeerProcess {
    /// What a peer's work took: seconds, and bytes of memory beyond those that were held before.
    public struct Answer: Decodable, Sendable {
        public var seconds: Double?
        public var peak: Int?
        public var bytes: Int?
        public var difference: String?
        public var error: String?
    }

    /// One request; what a kind of request does not need is left out.
    public struct Request: Encodable, Sendable {
        /// A table of a join.
        public struct Table: Encodable, Sendable {
            let name: String
            let features: [String]
            let maxAge: Int64?
        }

        var `do`: String
        var peer: String?
        var place: String?
        var table: String?
        var spine: String?
        var layout: String?
        var isSpine: Bool?
        var arrival: Bool?
        var ordered: Bool?
        var ours: String?
        var rows: Int?
        var recordRows: Int?
        var start: Int64?
        var end: Int64?
        /// Names and kinds.
        var columns: [[String]]?
        var compared: [[String]]?
        var features: [String]?
        var tables: [Table]?
        var names: [String]?
        var files: [[String]]?
    }

    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var received: [UInt8] = []

    /// - Throws: where it does not start, or lacks its packages.
    public init(python: String, script: String, threads: Int) throws {
        process.executableURL = URL(fileURLWithPath: python)
        process.arguments = [script]
        process.environment = ProcessInfo.processInfo.environment.merging(["PEER_THREADS": "\(threads)"]) { $1 }
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Sends a request and waits for its answer.
    ///
    /// - Throws: where the process has ended.
    func ask(_ request: Request) throws -> Answer {
        let encoder = JSONEncoder()
        encoder.keyEncodingStrategy = .convertToSnakeCase
        try input.fileHandleForWriting.write(contentsOf: try encoder.encode(request) + [UInt8(ascii: "\n")])
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                defer { received.removeSubrange(...end) }
                return try JSONDecoder().decode(Answer.self, from: Data(received[..<end]))
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw PeerEnded() }
            received += more
        }
    }

    private struct PeerEnded: Error, CustomStringConvertible {
        var description: String {
            "the peers' process has ended: are its packages installed (Benchmarks/peers/requirements.txt)?"
        }
    }
}

/// Memory of this process.
enum OwnMemory {
    /// Runs `body` and tells how many bytes became resident beyond those that were before.
    static func peak<Result>(_ body: () throws -> Result) rethrows -> (result: Result, bytes: Int) {
        // What was freed goes back first, so that it counts again.
        load_release_memory()
        try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
        let before = bytes("VmRSS:")
        let result = try body()
        return (result, max(0, bytes("VmHWM:") - before))
    }

    private static func bytes(_ name: String) -> Int {
        let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
        return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
}
