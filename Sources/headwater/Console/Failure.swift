import ArgumentParser
import FeatureModel
import Foundation

/// How a command that did not succeed ends: words for people or, with `--json`, a document, and an exit code (docs/cli.md).
enum Failure {
    /// Exit codes, for scripts to tell apart what they can do something about.
    enum Code {
        /// The request is not allowed, or does not fit what is there.
        static let refused: Int32 = 1
        /// Something failed that ought to work.
        static let failed: Int32 = 2
        static let notFound: Int32 = 3
        /// No server answers, or not in time.
        static let unreachable: Int32 = 4
        /// Stored data is damaged, or two stores differ.
        static let damage: Int32 = 5
        /// The command line is wrong: EX_USAGE of sysexits.h.
        static let usage: Int32 = 64
        static let interrupted: Int32 = 130
        /// Nobody reads the results any more, as behind `| head`: what a shell says of a program that SIGPIPE ended.
        static let unread: Int32 = 141
    }

    private struct Document: Encodable {
        struct Content: Encodable {
            let code: String
            let message: String
            let location: String?
            let exitCode: Int32
        }

        let error: Content
    }

    /// Prints the error and leaves the process.
    static func exit(_ error: any Error) -> Never {
        if let error = error as? HeadwaterError {
            let code = exitCode(of: error)
            tell(message(error), name: error.code.name, bare: error.message, location: error.location, code)
        }
        if isBrokenPipe(error) { Foundation.exit(Code.unread) }
        if error is CancellationError { tell("interrupted", name: "CANCELLED", Code.interrupted) }
        if let error = error as? UsageError { tell(error.message, name: "USAGE", Code.usage) }
        if let code = error as? ExitCode { Foundation.exit(code.rawValue) }
        let code = Headwater.exitCode(for: error)
        if code == .success { Headwater.exit(withError: error) }
        guard code == .validationFailure else { tell("\(error)", name: "UNKNOWN", Code.failed) }
        let text = Headwater.message(for: error)
        tell(text.isEmpty ? Headwater.fullMessage(for: error) : text, name: "USAGE", Code.usage)
    }

    private static func isBrokenPipe(_ error: any Error) -> Bool {
        let error = error as NSError
        let cause = error.userInfo[NSUnderlyingErrorKey] as? NSError ?? error
        return cause.domain == NSPOSIXErrorDomain && cause.code == Int(EPIPE)
    }

    /// The exit code that an error ends a command with.
    static func exitCode(of error: HeadwaterError) -> Int32 {
        switch error.code {
        case .cancelled: Interrupts.wasInterrupted ? Code.interrupted : Code.failed
        case .notFound: Code.notFound
        case .unavailable, .deadlineExceeded: Code.unreachable
        case .dataLoss: Code.damage
        case .ok, .unknown, .internal: Code.failed
        case .invalidArgument, .alreadyExists, .permissionDenied, .resourceExhausted, .failedPrecondition, .aborted, .outOfRange,
            .unimplemented, .unauthenticated:
            Code.refused
        }
    }

    private static func tell(
        _ text: String, name: String, bare: String? = nil, location: String? = nil, _ code: Int32
    ) -> Never {
        if CommandLine.arguments.contains("--json") {
            Console.noteJSON(Document(error: .init(code: name, message: bare ?? text, location: location, exitCode: code)))
        } else {
            Console.errorLines(text)
            if code == Code.usage { Console.errorLines("see 'headwater --help', or 'headwater help COMMAND'") }
        }
        Foundation.exit(code)
    }

    /// The code, where, and what, as people read it; a message of several lines keeps them.
    static func message(_ error: HeadwaterError) -> String {
        if error.code == .cancelled, Interrupts.wasInterrupted { return "interrupted" }
        let place = error.location.map { "\($0): " } ?? ""
        return switch error.code {
        // The words of these say all.
        case .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .unavailable, .outOfRange, .permissionDenied:
            "\(place)\(error.message)"
        default: "\(error.code.name): \(place)\(error.message)"
        }
    }
}

/// A command line that names no command, or an unknown one.
struct UsageError: Error {
    let message: String
}
