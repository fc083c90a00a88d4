internal import Dispatch
internal import FeatureModel
internal import Foundation
internal import Glibc
internal import Synchronization
internal import Transport
internal import Wire

/// What a client asks of the offline service again and again.
enum OfflineJob: Sendable {
    /// One feature for all rows of a spine.
    case join(spine: String)
    /// One feature of all rows.
    case scan
}

extension HistoryServer {
    /// Gets at a fixed rate, without and with an offline job beside them.
    public struct GetsBesideJobs: Sendable {
        /// Of each round, in milliseconds.
        public var quietP99: [Double] = []
        public var besideP99: [Double] = []
    }

    private static let rowsPerGet = 10
    private static let getConnections = 8
    private static let getDepth = 16

    /// Gets of ten keys and all features, while nothing else happens and while one client does a job again and again.
    ///
    /// - Parameters:
    ///   - rate: gets a second.
    ///   - seconds: of each round.
    func gets(
        beside job: @escaping @Sendable () throws -> Void, _ table: OfflineTable, rate: Double, seconds: Double, rounds: Int
    ) throws -> GetsBesideJobs {
        let gets = try getStream(table)
        gets.rate = rate
        // As in the online benchmark: the server has one core, the generator and the client of the job the other.
        try process.keep(to: "0")
        try runOn(cores: "1")
        // The generator stands for clients on other machines: what runs here must not hold it up, or it would measure itself.
        Self.comeFirst()
        defer {
            Self.comeAsOthers()
            let all = "0-\(sysconf(Int32(_SC_NPROCESSORS_ONLN)) - 1)"
            try? process.keep(to: all)
            try? runOn(cores: all)
        }
        var figures = GetsBesideJobs()
        for round in 0..<rounds {
            let quiet = try LoadStream.run([gets], warmUp: 0.5, seconds: seconds, seed: UInt64(round + 1))[0]
            figures.quietP99.append(quiet.latencies.milliseconds(share: 0.99))
            let jobs = Jobs()
            let done = DispatchSemaphore(value: 0)
            try job()
            Thread.detachNewThread {
                do {
                    while jobs.goesOn {
                        // Again and again: threads of Swift's pool come and go.
                        Self.othersGiveWay()
                        try job()
                    }
                } catch { jobs.fail(error) }
                done.signal()
            }
            let beside = try LoadStream.run([gets], warmUp: 0.5, seconds: seconds, seed: UInt64(round + 1))[0]
            jobs.stop()
            done.wait()
            // Gets beside jobs that ended early would be quiet ones.
            if let failure = jobs.failure { throw failure }
            figures.besideP99.append(beside.latencies.milliseconds(share: 0.99))
        }
        return figures
    }

    /// Lets this thread run before any other on its core; threads that it makes do not.
    private static func comeFirst() {
        var priority = sched_param(sched_priority: 1)
        // <linux/sched.h>: SCHED_RESET_ON_FORK.
        let forThisThreadAlone: Int32 = 0x4000_0000
        if unsafe sched_setscheduler(0, SCHED_FIFO | forThisThreadAlone, &priority) != 0 { Scheduling.runInShortSlices() }
    }

    private static func comeAsOthers() {
        var priority = sched_param(sched_priority: 0)
        _ = unsafe sched_setscheduler(0, SCHED_OTHER, &priority)
    }

    /// Lets all threads of this process but this one, which are the client of the job, give way to it.
    private static func othersGiveWay() {
        let own = getpid()
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? [] {
            guard let thread = id_t(name), thread != id_t(own) else { continue }
            _ = setpriority(__priority_which_t(PRIO_PROCESS.rawValue), thread, 19)
        }
    }

    private func getStream(_ table: OfflineTable) throws -> LoadStream {
        let stream = try LoadStream(.frames, depth: Self.getDepth)
        let keys = try table.words("key")
        for request in 0..<1_000 {
            let wanted = (0..<Self.rowsPerGet).map { keys[(request * Self.rowsPerGet + $0) * 7_919 % keys.count] }
            try stream.add(request: FrameParts.request(.getPrepared, body: HeadwaterGets.body(tag: 0, [wanted])))
        }
        for _ in 0..<Self.getConnections {
            let session = try HeadwaterSession(socketPath: socketPath, project: Rows.project)
            let prepare = PrepareRequest.with {
                $0.project = Rows.project
                $0.features = table.featureNames.map { "\(table.name):\($0)" }
            }
            let reply = try PrepareReply(decoding: session.call(.prepare, prepare).head)
            try stream.add(session, handle: reply.handle)
        }
        return stream
    }

    private final class Jobs: Sendable {
        private let isStopped = Atomic<Bool>(false)
        private let failed = Mutex<(any Error)?>(nil)

        var failure: (any Error)? { failed.withLock { $0 } }

        func fail(_ error: any Error) { failed.withLock { $0 = error } }

        var goesOn: Bool { !isStopped.load(ordering: .relaxed) }

        func stop() { isStopped.store(true, ordering: .relaxed) }
    }
}

extension LatencyCounts {
    /// The latency that so many requests stay within.
    func milliseconds(share: Double) -> Double {
        let total = counts.values.reduce(0, +)
        var left = Int(Double(total) * (1 - share))
        for (value, count) in counts.sorted(by: { $0.key > $1.key }) {
            left -= count
            if left < 0 { return Double(value) / 1e6 }
        }
        return 0
    }
}
