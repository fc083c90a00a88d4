internal import Foundation
internal import Glibc

/// A system of the offline benchmark in a process of its own: requests and answers are JSON lines.
public final class SystemProcess: OfflineSystem {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()
    private var received: [UInt8] = []

    public init(_ command: [String]) throws {
        // A process that is gone shows in its answer.
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(fileURLWithPath: command[0])
        process.arguments = Array(command.dropFirst())
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit { end() }

    /// Ends its input, which ends it.
    public func end() {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    public func ask(_ request: OfflineRequest) throws -> OfflineAnswer {
        do {
            try input.fileHandleForWriting.write(contentsOf: try JSONEncoder().encode(request) + [UInt8(ascii: "\n")])
        } catch { throw SystemFailed(description: "its process has ended") }
        while true {
            if let end = received.firstIndex(of: UInt8(ascii: "\n")) {
                let answer = try JSONDecoder().decode(OfflineAnswer.self, from: Data(received[..<end]))
                received.removeSubrange(...end)
                if let error = answer.error { throw SystemFailed(description: error) }
                return answer
            }
            let more = output.fileHandleForReading.availableData
            guard !more.isEmpty else { throw SystemFailed(description: "its process has ended") }
            received += more
        }
    }

    /// Of a process in its whole life, pages of mapped files included.
    public var peakBytes: Int? {
        let status = (try? String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)) ?? ""
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }.map { $0 << 10 }
    }
}

extension OfflineSystem {
    /// The other end of a `SystemProcess`: answers requests from standard input, a JSON line each, until it ends.
    public func serve() throws {
        defer { end() }
        while let line = readLine() {
            var answer = OfflineAnswer()
            do {
                answer = try ask(try JSONDecoder().decode(OfflineRequest.self, from: Data(line.utf8)))
            } catch {
                answer.error = "\(error)"
            }
            FileHandle.standardOutput.write(try JSONEncoder().encode(answer) + [UInt8(ascii: "\n")])
        }
    }
}

/// Why a system did not answer.
struct SystemFailed: Error, CustomStringConvertible { let description: String }
