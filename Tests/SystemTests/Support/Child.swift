import Dispatch
import Foundation

/// How a process ended.
enum Ending: Equatable, Sendable {
    case exit(Int32)
    case signal(Int32)
}

/// One process that a test started; it is signalled by its own id alone.
final class Child: Sendable {
    private let process: Process
    private let ended = DispatchSemaphore(value: 0)
    let outputPath: String
    let errorsPath: String

    init(
        _ binary: String, _ arguments: [String], directory: URL, environment: [String: String], inputPath: String?,
        outputPath: String, errorsPath: String
    ) throws {
        self.outputPath = outputPath
        self.errorsPath = errorsPath
        let process = Process()
        process.executableURL = URL(fileURLWithPath: binary)
        process.arguments = arguments
        process.currentDirectoryURL = directory
        process.environment = environment
        for path in [outputPath, errorsPath] { _ = FileManager.default.createFile(atPath: path, contents: nil) }
        process.standardInput = inputPath.flatMap { FileHandle(forReadingAtPath: $0) } ?? FileHandle.nullDevice
        process.standardOutput = FileHandle(forWritingAtPath: outputPath)
        process.standardError = FileHandle(forWritingAtPath: errorsPath)
        process.terminationHandler = { [ended] _ in ended.signal() }
        self.process = process
        try process.run()
    }

    var isRunning: Bool { process.isRunning }
    var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }
    var errors: String { (try? String(contentsOfFile: errorsPath, encoding: .utf8)) ?? "" }

    /// Waits for the end; `nil` when it did not come in time.
    func wait(seconds: Double) -> Ending? {
        guard ended.wait(timeout: .now() + seconds) == .success else { return nil }
        // Whoever asks next gets the same answer.
        ended.signal()
        return process.terminationReason == .exit
            ? .exit(process.terminationStatus) : .signal(process.terminationStatus)
    }

    func send(_ signal: Int32) {
        if process.isRunning { kill(process.processIdentifier, signal) }
    }

    /// SIGKILL, and waits until the process is gone.
    func killNow() {
        send(SIGKILL)
        _ = wait(seconds: 10)
    }
}
