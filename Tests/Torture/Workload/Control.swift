import Foundation
import Synchronization

/// Pauses the lanes of a client process, as a file in the common directory says.
final class Control: Sendable {
    static let holdName = "hold"

    private struct State {
        /// What `hold` says; `nil` while there is none.
        var token: String?
        var waiting = 0
        var gets = 0
        var histories = 0
        var refused = 0
    }

    private let directory: String
    private let lanes: Int
    private let journal: Journal
    private let state = Mutex(State())

    init(directory: String, lanes: Int, journal: Journal) {
        self.directory = directory
        self.lanes = lanes
        self.journal = journal
    }

    func look() {
        let token = try? String(contentsOfFile: "\(directory)/\(Self.holdName)", encoding: .utf8)
        state.withLock { state in
            if token != state.token { (state.token, state.waiting) = (token, 0) }
        }
    }

    func count(gets: Int = 0, histories: Int = 0, refused: Int = 0) {
        state.withLock { state in
            state.gets += gets
            state.histories += histories
            state.refused += refused
        }
    }

    /// Between two steps of a lane: waits while there is a pause. The last lane to come says in the journal that all is quiet.
    func pass() async {
        let token = state.withLock { state -> String? in
            guard let token = state.token else { return nil }
            state.waiting += 1
            if state.waiting == lanes {
                journal.add(.paused(token, gets: state.gets, histories: state.histories, refused: state.refused))
            }
            return token
        }
        guard let token else { return }
        while state.withLock({ $0.token == token }) { try? await Task.sleep(for: .milliseconds(5)) }
    }
}
