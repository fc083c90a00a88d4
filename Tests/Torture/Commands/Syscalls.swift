import ArgumentParser
import FeatureModel
import Foundation
import ProcessSupport
import TestSupport

struct Syscalls: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Kills, errors and interruptions at each system call of the server, by strace.")

    @OptionGroup var options: TortureOptions
    @Option(help: "How long; the points are taken in a random order.")
    var seconds = 60.0
    @Option(help: "Lives at most.")
    var cycles = Int.max
    @Option(help: "Stores that live side by side.")
    var atOnce = 2

    func run() async throws {
        Interruption.watch()
        try options.report([try await SyscallRun(options, atOnce: atOnce).run(Budget(seconds: seconds, cyclesMax: cycles))])
    }
}

/// Faults at system calls of first starts, recoveries, writes, snapshots, flushes and compactions.
///
/// strace counts calls by thread, and a fault strikes every thread that comes to its number. Each life has one fault that may
/// end it, and beside it interruptions of all other calls, which a server must not even notice.
struct SyscallRun {
    let options: TortureOptions
    let atOnce: Int
    private var random: SplitMix64
    private var figures: Figures
    private let queue = PointQueue()

    init(_ options: TortureOptions, atOnce: Int = 2) {
        self.options = options
        self.atOnce = max(1, atOnce)
        let seed = options.effectiveSeed
        random = SplitMix64(seed: seed)
        figures = Figures("system calls", seed: seed)
        figures.skipped = Strace.obstacle(in: NSTemporaryDirectory())
        figures.facts = ["acknowledged after a failed sync": 0, "directories that do not start": 0]
    }

    consuming func run(_ budget: Budget) async throws -> Figures {
        guard figures.skipped == nil else { return figures }
        let begun = ContinuousClock.now
        try await survey()
        let seeds = (0..<atOnce).map { _ in random.next() }
        let (options, queue) = (options, queue)
        let parts = try await withThrowingTaskGroup(of: Figures.self) { tasks in
            for seed in seeds {
                tasks.addTask { try await SyscallLives(options, queue, seed: seed).run(budget) }
            }
            var parts: [Figures] = []
            for try await part in tasks { parts.append(part) }
            return parts
        }
        for part in parts { figures.add(part) }
        figures.facts.merge(queue.facts) { $1 }
        figures.seconds = (ContinuousClock.now - begun) / .seconds(1)
        return figures
    }

    /// Records the calls of a first start and of a later one, each with
    /// its work and without a fault: they make the list of points.
    private mutating func survey() async throws {
        let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
        site.offlineOptions = SyscallLives.offlineOptions
        defer { site.close(keep: false) }
        for isFirstStart in [true, false] {
            let strace = Strace(log: "\(site.directory)/strace-\(isFirstStart).log")
            try site.launch(.serve, through: strace.command(nil))
            try await site.untilReady(.serve)
            // As in the lives below: nobody writes before a store's first start is over.
            if !isFirstStart {
                try await site.withClient(.serve) { try await Groups.apply($0) }
                try site.startClients(options.clients, lanes: options.lanes, pauseMax: options.pauseMax)
            }
            try await SyscallLives.work(on: site, until: { false })
            site.kill(.serve)
            queue.survey(strace.calls(), of: site.data, isFirstStart: isFirstStart)
        }
        queue.shuffle(&random)
    }
}

/// One store after another, each with a few lives.
struct SyscallLives {
    static let offlineOptions = ["--flush-bytes", "64KiB"]
    private static let pointsPerStore = 6
    /// What an answer may need from the server to the client's journal on a busy machine.
    private static let answerSeconds = 0.5

    private let options: TortureOptions
    private let queue: PointQueue
    private var random: SplitMix64
    private var figures: Figures

    init(_ options: TortureOptions, _ queue: PointQueue, seed: UInt64) {
        self.options = options
        self.queue = queue
        random = SplitMix64(seed: seed)
        figures = Figures("system calls", seed: seed)
    }

    consuming func run(_ budget: Budget) async throws -> Figures {
        while budget.allows(cycles: queue.lives) {
            let before = queue.lives
            let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
            site.offlineOptions = Self.offlineOptions
            let checker = Checker(site, name: figures.name)
            checker.excusedCodes.insert(.resourceExhausted)
            do { try await run(on: site, checker, budget) } catch { checker.ended(with: error) }
            site.close(keep: checker.figures.violationCount > 0)
            if checker.figures.violationCount > 0 { Screen.line("kept for a look: \(site.directory)") }
            figures.add(checker.figures)
            if queue.lives == before { break }
        }
        return figures
    }

    /// One store: its first start meets faults, and then each later start, with the work that follows it.
    private mutating func run(on site: Site, _ checker: Checker, _ budget: Budget) async throws {
        var isNew = true
        for cycle in 0..<Self.pointsPerStore {
            guard budget.allows(cycles: queue.lives), let plan = queue.next(isFirstStart: cycle == 0, &random) else { break }
            let point = plan.point.map { "\($0)" } ?? "interruptions"
            Screen.progress("\(figures.name): \(queue.hitCount) of \(queue.count) points hit in \(queue.lives) lives, \(point)")
            checker.figures.cycles = cycle + 1
            try await inject(plan, on: site, checker, isFirstStart: cycle == 0)
            let started: Duration
            do { started = try await site.start(.serve) } catch {
                checker.figures.facts["directories that do not start", default: 0] += 1
                throw TortureError("after \(point): \(error)")
            }
            checker.figures.recovered(in: started)
            if isNew {
                try await site.withClient(.serve) { try await Groups.apply($0) }
                try site.startClients(options.clients, lanes: options.lanes, pauseMax: options.pauseMax)
                isNew = false
            }
            let before = checker.figures.violationCount
            try await checker.check()
            guard checker.figures.violationCount == before else { throw TortureError("all this after \(point)") }
            // Clean ends as well as unclean ones are met at the next start.
            if random.chance(0.3) {
                site.servers[.serve]?.send(SIGTERM)
                _ = site.servers[.serve]?.wait(seconds: 5)
            }
            site.kill(.serve)
        }
        site.stopClients()
    }

    /// Starts a server that will meet the faults, has it work until it met the one that may end it, and kills it.
    private mutating func inject(
        _ plan: InjectionPlan, on site: Site, _ checker: Checker, isFirstStart: Bool
    ) async throws {
        let strace = Strace(log: "\(site.directory)/strace.log")
        try? FileManager.default.removeItem(atPath: strace.log)
        let server = try site.launch(.serve, through: strace.command(plan))
        let what = plan.point.map { "\($0)" } ?? "interruptions"
        func wasHit() -> Bool { plan.point.map { strace.wasHit($0, server) } ?? false }
        do { try await site.untilReady(.serve, seconds: 20) } catch {
            // It may refuse to start over the fault, with a reason; it may not hang.
            if server.isRunning {
                checker.figures.found(.p7, "with \(what) it neither starts nor ends: \(server.errors.suffix(300))")
            } else if !wasHit() {
                checker.figures.found(.p7, "with \(what), which it did not meet, it does not start: \(server.errors.suffix(300))")
            }
        }
        if server.isRunning { try await Self.work(on: site, until: { !server.isRunning || wasHit() }) }
        // What is answered after the fault counts as well.
        if server.isRunning, plan.point?.fault != .kill { try await sleep(20...80, &random) }
        let failed = strace.failedLogSync()
        if failed != nil { try await Task.sleep(for: .seconds(Self.answerSeconds + 0.3)) }
        let isHit = wasHit()
        site.kill(.serve)
        if case .signal(let signal)? = server.wait(seconds: 0), signal != SIGKILL, !strace.struckTheRuntime() {
            checker.figures.found(.p7, "\(what) ended the server by signal \(signal)")
        }
        queue.met(plan, wasHit: isHit, strace.calls(), isFirstStart: isFirstStart)
        if let failed, let point = plan.point { try judgeAnswers(after: failed, point, site, checker) }
    }

    /// Nothing is acknowledged once a sync of the log has failed.
    private func judgeAnswers(after failed: Double, _ point: Injection, _ site: Site, _ checker: Checker) throws {
        try checker.journals.read(site.journals)
        let ago = Date().timeIntervalSince1970 - failed - Self.answerSeconds
        guard ago > 0 else { return }
        let limit = Journal.now() - UInt64(ago * 1_000_000_000)
        for (id, entry) in checker.journals.entries where entry.position != nil && entry.answered! > limit {
            checker.figures.facts["acknowledged after a failed sync", default: 0] += 1
            checker.figures.found(.p7, "\(id.value) was acknowledged after \(point)")
        }
        checker.figures.facts["failed log syncs", default: 0] += 1
    }

    /// Part of a life: writes by the clients, two snapshots, flushes, a compaction.
    static func work(on site: Site, until isOver: () -> Bool) async throws {
        let steps: [Maintenance.Kind] = [.none, .snapshot, .none, .compaction, .snapshot, .none]
        for step in steps where !isOver() {
            let running = Maintenance(site, step).start()
            for _ in 0..<4 where !isOver() { try await Task.sleep(for: .milliseconds(15)) }
            // A server that failed, or is gone, does not keep us.
            if !isOver() { _ = await running.value } else { running.cancel() }
        }
    }
}
