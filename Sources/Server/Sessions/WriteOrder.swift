import Synchronization

/// Submits the writes of one connection in the order in which they came, although large ones are checked on other threads and
/// their checks end in any order: of a table that comes in several requests the later row wins. For any thread.
final class WriteOrder: Sendable {
    /// The writes of one connection that have come and are not submitted.
    private struct Line: Sendable {
        var last: UInt64 = 0
        var next: UInt64 = 1
        var ready: [UInt64: @Sendable () -> Void] = [:]
        /// Whether a thread submits them just now, one behind the other.
        var isMoving = false
    }

    /// By connection; gone where nothing waits.
    private let lines = Mutex<[UInt64: Line]>([:])

    /// The next ticket of the connection's line. Called in the order of the requests.
    ///
    /// - Parameter isNeeded: `false` where a ticket is only needed if others are before it.
    func ticket(connectionID: UInt64, isNeeded: Bool) -> Ticket? {
        lines.withLock { lines in
            guard isNeeded || lines[connectionID] != nil else { return nil }
            lines[connectionID, default: Line()].last += 1
            return Ticket(self, connectionID, lines[connectionID]!.last)
        }
    }

    fileprivate func submit(_ connectionID: UInt64, _ number: UInt64, _ work: @escaping @Sendable () -> Void) {
        let moves = lines.withLock { lines in
            lines[connectionID]!.ready[number] = work
            defer { lines[connectionID]!.isMoving = true }
            return !lines[connectionID]!.isMoving
        }
        if moves { while let work = next(connectionID) { work() } }
    }

    /// What is to be submitted next; `nil`, and nobody moves the line, where that is not ready.
    private func next(_ connectionID: UInt64) -> (@Sendable () -> Void)? {
        lines.withLock { lines in
            guard let work = lines[connectionID]!.ready.removeValue(forKey: lines[connectionID]!.next) else {
                lines[connectionID]!.isMoving = false
                if lines[connectionID]!.next > lines[connectionID]!.last { lines[connectionID] = nil }
                return nil
            }
            lines[connectionID]!.next += 1
            return work
        }
    }

    /// One write's ticket in the line. Where it is let go unused, as by a write that was refused, those behind it move up.
    final class Ticket: Sendable {
        private let order: WriteOrder
        private let connectionID: UInt64
        private let number: UInt64
        private let isUsed = Atomic<Bool>(false)

        fileprivate init(_ order: WriteOrder, _ connectionID: UInt64, _ number: UInt64) {
            (self.order, self.connectionID, self.number) = (order, connectionID, number)
        }

        deinit { use {} }

        /// Whether other writes of the connection wait for this one.
        var hasOthersBehind: Bool { order.lines.withLock { ($0[connectionID]?.last ?? 0) > number } }

        /// Runs the work when all before it have run theirs. Once.
        func use(_ work: @escaping @Sendable () -> Void) {
            guard !isUsed.exchange(true, ordering: .relaxed) else { return }
            order.submit(connectionID, number, work)
        }
    }
}
