import ArgumentParser
import FeatureModel
import Foundation
import ProcessSupport
import TestSupport

struct Syscalls: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A kill or an error at each system call of the server in turn, by strace.")

    @OptionGroup var options: TortureOptions
    @Option(help: "How long; the points are taken in a random order.")
    var seconds = 60.0
    @Option(help: "Faults at most.")
    var cycles = Int.max

    func run() async throws {
        Interruption.watch()
        try options.report([try await SyscallRun(options).run(Budget(seconds: seconds, cyclesMax: cycles))])
    }
}

/// Faults at system calls of first starts, recoveries, writes, snapshots, flushes and compactions.
struct SyscallRun {
    private static let pointsPerStore = 8
    private static let roundsMax = 3
    /// Numbers of a call that are all points; beyond, each is an eighth greater than the one before.
    private static let denseMax = 32
    /// What an answer may need from the server to the client's journal on a busy machine.
    private static let answerSeconds = 0.5

    let options: TortureOptions
    private var random: SplitMix64
    private var figures: Figures
    private var points: [Injection] = []

    init(_ options: TortureOptions) {
        self.options = options
        let seed = options.effectiveSeed
        random = SplitMix64(seed: seed)
        figures = Figures("system calls", seed: seed)
        figures.skipped = Strace.obstacle(in: NSTemporaryDirectory())
        figures.facts = ["acknowledged after a failed sync": 0, "directories that do not start": 0, "points hit": 0]
    }

    consuming func run(_ budget: Budget) async throws -> Figures {
        guard figures.skipped == nil else { return figures }
        let begun = ContinuousClock.now
        try await survey()
        while budget.allows(cycles: figures.cycles), !points.isEmpty {
            let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
            site.offlineOptions = ["--flush-bytes", "64KiB"]
            let checker = Checker(site, name: figures.name)
            checker.excusedCodes.insert(.resourceExhausted)
            do { try await run(on: site, checker, budget) } catch { checker.ended(with: error) }
            site.close(keep: checker.figures.violationCount > 0)
            if checker.figures.violationCount > 0 { Screen.line("kept for a look: \(site.directory)") }
            figures.add(checker.figures)
        }
        figures.seconds = (ContinuousClock.now - begun) / .seconds(1)
        return figures
    }

    /// Counts the calls of a whole life, without a fault, and makes the list of points.
    private mutating func survey() async throws {
        let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
        site.offlineOptions = ["--flush-bytes", "64KiB"]
        defer { site.close(keep: false) }
        let strace = Strace(log: "\(site.directory)/strace.log")
        try site.launch(.serve, through: strace.command(nil))
        try await site.untilReady(.serve)
        try await site.withClient(.serve) { try await Groups.apply($0) }
        try site.startClients(options.clients, lanes: options.lanes, pauseMax: options.pauseMax)
        try await work(on: site, until: { false })
        site.kill(.serve)
        let counts = strace.counts()
        for (call, faults) in Strace.faults {
            let count = counts[call] ?? 0
            figures.facts["calls of \(call)"] = count
            var number = 1
            while number <= count {
                points += faults.map { Injection(call: call, fault: $0, number: number) }
                number += number < Self.denseMax ? 1 : number / 8
            }
        }
        figures.facts["points in all"] = points.count
        points.shuffle(using: &random)
    }

    /// One store: its first start meets a fault, and then each later start, with the work that follows it.
    private mutating func run(on site: Site, _ checker: Checker, _ budget: Budget) async throws {
        var isNew = true
        for cycle in 0..<Self.pointsPerStore {
            guard budget.allows(cycles: figures.cycles + cycle), let point = points.popLast() else { break }
            Screen.progress("\(figures.name): \(figures.cycles + cycle) of \(figures.facts["points in all"]!), \(point)")
            checker.figures.cycles = cycle + 1
            try await inject(point, on: site, checker)
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

    /// Starts a server that will meet the fault, has it work until it did, and kills it.
    private mutating func inject(_ point: Injection, on site: Site, _ checker: Checker) async throws {
        let strace = Strace(log: "\(site.directory)/strace.log")
        let server = try site.launch(.serve, through: strace.command(point))
        do { try await site.untilReady(.serve, seconds: 20) } catch {
            // It may refuse to start over the fault, with a reason; it may not hang.
            if server.isRunning {
                checker.figures.found(.p7, "with \(point) it neither starts nor ends: \(server.errors.suffix(300))")
            }
        }
        // Threads share the work as it comes: the number may need more than one round.
        for _ in 0..<Self.roundsMax where server.isRunning && !strace.wasHit(point, server) {
            try await work(on: site, until: { !server.isRunning || strace.wasHit(point, server) })
        }
        // What is answered after the fault counts as well.
        if server.isRunning, point.fault != .kill { try await sleep(20...120, &random) }
        let failed = strace.failedLogSync()
        if failed != nil { try await Task.sleep(for: .seconds(Self.answerSeconds + 0.3)) }
        let wasHit = strace.wasHit(point, server)
        site.kill(.serve)
        if case .signal(let signal)? = server.wait(seconds: 0), signal != SIGKILL {
            checker.figures.found(.p7, "\(point) ended the server by signal \(signal)")
        }
        checker.figures.facts["points hit", default: 0] += wasHit ? 1 : 0
        if let failed, point.call == "fdatasync" { try judgeAnswers(after: failed, point, site, checker) }
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
    private func work(on site: Site, until isOver: () -> Bool) async throws {
        let steps: [Maintenance.Kind] = [.none, .snapshot, .none, .compaction, .none, .snapshot, .none, .none]
        for step in steps where !isOver() {
            let running = Maintenance(site, step).start()
            try await Task.sleep(for: .milliseconds(60))
            // A server that failed, or is gone, does not keep us.
            if !isOver() { _ = await running.value } else { running.cancel() }
        }
    }
}
