import ArgumentParser
import FeatureModel
import Foundation

/// How a command that did not succeed ends.
enum Failure {
    static let runtimeCode: Int32 = 1
    static let interruptedCode: Int32 = 130

    /// Prints the error and leaves the process: 64 for a wrong command line, 130 after Ctrl-C, 1 for everything else.
    static func exit(_ error: any Error) -> Never {
        if let error = error as? HeadwaterError {
            Console.errorLines(message(error))
            Foundation.exit(error.code == .cancelled && Interrupts.wasInterrupted ? interruptedCode : runtimeCode)
        }
        if error is CancellationError {
            Console.errorLines("interrupted")
            Foundation.exit(interruptedCode)
        }
        let code = Headwater.exitCode(for: error)
        if code == .success { Headwater.exit(withError: error) }
        if code == .validationFailure {
            let text = Headwater.message(for: error)
            Console.errorLines(text.isEmpty ? Headwater.fullMessage(for: error) : text)
            Console.errorLines("see 'headwater --help', or 'headwater help COMMAND'")
        } else if !(error is ExitCode) {
            Console.errorLines("\(error)")
        }
        Foundation.exit(code == .validationFailure ? code.rawValue : runtimeCode)
    }

    /// The code, where, and what, as people read it; a message of several lines keeps them.
    static func message(_ error: HeadwaterError) -> String {
        if error.code == .cancelled, Interrupts.wasInterrupted { return "interrupted" }
        let place = error.location.map { "\($0): " } ?? ""
        return switch error.code {
        // The words of these say all.
        case .invalidArgument, .notFound, .alreadyExists, .failedPrecondition, .unavailable: "\(place)\(error.message)"
        default: "\(error.code.name): \(place)\(error.message)"
        }
    }
}
