import Dispatch
import Glibc
import Synchronization

/// Ctrl-C and SIGTERM: loops see it between two steps and tidy up.
enum Interruption {
    private static let flag = Atomic<Bool>(false)

    static var isRequested: Bool { flag.load(ordering: .relaxed) }

    static func watch() {
        for number in [SIGINT, SIGTERM] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            // The handler keeps its source alive, for as long as the process lives.
            source.setEventHandler { withExtendedLifetime(source) { flag.store(true, ordering: .relaxed) } }
            source.resume()
        }
    }
}

/// Why a run cannot go on: not a broken promise, but nothing to judge by either.
struct TortureError: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) { self.description = description }
}
