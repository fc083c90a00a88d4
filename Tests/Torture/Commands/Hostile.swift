import ArgumentParser
import Catalog
import Client
import FeatureModel
import Foundation
import ProcessSupport
import Synchronization
import TestSupport
import Wire

struct Hostile: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Clients that take memory and time and give nothing, beside one that works.",
        discussion: """
            Each attack meets a server of its own: unfinished frames, readers of nothing, unread scans, cancels, and the first three at once under a
            control group of 1 GiB. It prints what gets of one row took before and beside it, and what memory the server held.
            """)

    @OptionGroup var options: TortureOptions
    @Option(help: "How long gets are measured, without and beside each attack.")
    var seconds = 5.0
    @Option(help: "Rounds; times are judged by the median of all.")
    var rounds = 1
    @Option(help: "Only these attacks: frames, readers, scans, cancels, together.")
    var attack: [Attack] = []
    @Option(help: "Writes of 16 MiB beside unfinished frames, and beside all three.")
    var writes = 10
    @Flag(help: "Judge only memory and whether all is answered: times are another matter on a busy machine.")
    var lenient = false

    func run() async throws {
        Interruption.watch()
        RawSocket.raiseLimit()
        var run = HostileRun(options, seconds: seconds, writes: writes, isLenient: lenient)
        let (figures, attacks) = try await run.run(attack.isEmpty ? Attack.allCases : attack, rounds: rounds)
        Screen.clear()
        if !options.json { print(HostileTable.text(attacks), terminator: "") }
        try options.report([figures])
    }
}

/// Attacks, one after the other, each on a server of its own.
struct HostileRun {
    private static let groupBytes = 1 << 30
    private static let restSeconds = 10.0
    /// Of a kibibyte each.
    private static let rowsOfLargeWrite = 16_384
    /// Memory may be above what it was by this much once the attack has gone.
    private static let keptMebibytes = 64

    private let options: TortureOptions
    private let seconds: Double
    private let writes: Int
    private let isLenient: Bool
    private var random: SplitMix64
    private var figures: Figures

    init(_ options: TortureOptions, seconds: Double, writes: Int, isLenient: Bool) {
        self.options = options
        self.seconds = seconds
        self.writes = writes
        self.isLenient = isLenient
        let seed = options.effectiveSeed
        random = SplitMix64(seed: seed)
        figures = Figures("hostile", seed: seed)
    }

    mutating func run(_ attacks: [Attack], rounds: Int) async throws -> (Figures, [AttackFigures]) {
        let begun = ContinuousClock.now
        let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
        site.onlineOptions = []
        site.offlineOptions = ["--flush-bytes", "8MiB"]
        defer { site.close(keep: false) }
        try await site.start(.serve)
        try await site.withClient(.serve) { client in
            try await WideRows.apply(client)
            try await WideRows.fill(client, start: site.start, &random)
        }
        try stop(site)
        var all: [AttackFigures] = []
        for attack in attacks {
            var runs: [AttackFigures] = []
            for round in 1...max(1, rounds) where !Interruption.isRequested {
                Screen.progress("hostile: \(attack.rawValue), round \(round) of \(rounds)")
                do { runs.append(try await one(attack, site)) } catch {
                    let said = site.servers[.serve]?.errors.suffix(600) ?? ""
                    figures.found(.died, "\(attack.rawValue): \(error)\(said.isEmpty ? "" : "; the server said: \(said)")")
                    site.kill(.serve)
                }
                figures.cycles += 1
            }
            judge(runs)
            all += runs
        }
        figures.seconds = (ContinuousClock.now - begun) / .seconds(1)
        return (figures, all)
    }

    /// One attack, from a server's start to its end.
    private mutating func one(_ attack: Attack, _ site: Site) async throws -> AttackFigures {
        let group = attack == .together ? ControlGroup(memoryBytes: Self.groupBytes) : nil
        defer { group?.remove() }
        if attack == .together, group == nil {
            figures.leftOut = "no control group can be made here: a server with --network-bytes-max 256MiB instead"
        }
        let isBounded = attack == .together && group == nil
        let server = try site.launch(
            .serve, through: group?.command ?? [], more: isBounded ? ["--network-bytes-max", "256MiB"] : [])
        try await site.untilReady(.serve)
        let probe = try Probe(path: "\(site.directory)/s.sock")
        let writes = attack == .frames || attack == .together
        // What they leave in the store is not the attack's.
        if writes { _ = try await write(probe, site, server) }
        let quiet = try await measure(probe, server).times
        let before = try Memory.mebibytes(server.pid)
        let turnQuiet = try await longestTurn(site).ran
        let hostile = try site.startAttack(attack)
        defer { hostile.killNow() }
        var (beside, peak) = try await measure(probe, server)
        var writing: (milliseconds: [Int], times: Probe.Times, peak: Int)?
        if writes { writing = try await write(probe, site, server) }
        guard hostile.isRunning else { throw TortureError("the hostile clients ended: \(hostile.errors.suffix(300))") }
        hostile.killNow()
        let after = try await rest(server, until: before + Self.keptMebibytes)
        peak = max(peak, writing?.peak ?? 0)
        let turn = try await longestTurn(site)
        let found = AttackFigures(
            attack: attack, quiet: quiet, beside: beside, writes: writing?.milliseconds ?? [], besideWrites: writing?.times,
            before: before, peak: peak, after: after, turnQuiet: turnQuiet, turn: turn.ran, turnByClock: turn.byClock)
        if attack == .readers {
            // A server stops well under them too.
            let again = try site.startAttack(attack)
            defer { again.killNow() }
            try await Task.sleep(for: .seconds(1))
            try stop(site)
        } else {
            try stop(site)
        }
        return found
    }

    private func measure(_ probe: Probe, _ server: Child) async throws -> (times: Probe.Times, peak: Int) {
        let end = ContinuousClock.now + .seconds(seconds)
        return try await Self.watching(server) { try await probe.measure { .now < end } }
    }

    /// Writes of 16 MiB one after the other, and gets meanwhile.
    private mutating func write(
        _ probe: Probe, _ site: Site, _ server: Child
    ) async throws -> (milliseconds: [Int], times: Probe.Times, peak: Int) {
        let client = try await site.connect(.serve)
        let schema = try await client.group(WideRows.group).schema
        let rows = Self.rowsOfLargeWrite
        let entry = WideRows.entry(schema, 0..<rows, WideRows.cells(rows, &random), at: site.start + 1)
        let isOver = Shared(false)
        let writing = Task { [writes] () async throws -> [Int] in
            defer { isOver.value = true }
            var milliseconds: [Int] = []
            for _ in 0..<writes where !Interruption.isRequested {
                let begun = ContinuousClock.now
                _ = try await client.write([entry])
                milliseconds.append(Int((ContinuousClock.now - begun) / .milliseconds(1)))
            }
            return milliseconds
        }
        let (times, peak) = try await Self.watching(server) { try await probe.measure { !isOver.value } }
        let milliseconds = try await writing.value
        await client.close()
        figures.acknowledged += milliseconds.count
        return (milliseconds, times, peak)
    }

    /// Looks at the memory of a server while something goes on.
    private static func watching<Result: Sendable>(
        _ server: Child, _ body: () async throws -> Result
    ) async throws -> (times: Result, peak: Int) {
        let pid = server.pid
        let looking = Task { () -> Int in
            var peak = 0
            while !Task.isCancelled {
                peak = max(peak, (try? Memory.mebibytes(pid)) ?? 0)
                try? await Task.sleep(for: .milliseconds(20))
            }
            return peak
        }
        defer { looking.cancel() }
        let result = try await body()
        looking.cancel()
        return (result, await looking.value)
    }

    /// Waits until memory is down, ten seconds at most.
    private func rest(_ server: Child, until mebibytes: Int) async throws -> Int {
        let deadline = ContinuousClock.now + .seconds(Self.restSeconds)
        while ContinuousClock.now < deadline, try Memory.mebibytes(server.pid) > mebibytes {
            try await Task.sleep(for: .milliseconds(100))
        }
        return try Memory.mebibytes(server.pid)
    }

    private func longestTurn(_ site: Site) async throws -> (ran: Int, byClock: Int) {
        let network = try await site.withClient(.serve) { try await $0.status().value.network }
        return (network?.longestTurnMicroseconds ?? .max, network?.longestTurnByClockMicroseconds ?? .max)
    }

    private func stop(_ site: Site) throws {
        site.servers[.serve]?.send(SIGTERM)
        guard site.servers[.serve]?.wait(seconds: 60) == .exit(0) else {
            throw TortureError("the server did not end well: \(site.servers[.serve]?.errors.suffix(300) ?? "")")
        }
        site.kill(.serve)
    }

    // MARK: Judging

    private mutating func judge(_ runs: [AttackFigures]) {
        guard let first = runs.first else { return }
        let name = first.attack.rawValue
        for run in runs where run.after > run.before + Self.keptMebibytes {
            figures.found(.crowded, "\(name): \(run.after) MiB after it had gone, \(run.before) before")
        }
        guard !isLenient else { return }
        func median(_ value: (AttackFigures) -> Int) -> Int { runs.map(value).sorted()[runs.count / 2] }
        let turn = median(\.turn)
        if turn > 2_000 { figures.found(.crowded, "\(name): a turn of \(turn) µs") }
        if first.attack == .together {
            let p99 = median { max($0.beside.percentile(0.99), $0.besideWrites?.percentile(0.99) ?? 0) }
            if p99 > 10_000 { figures.found(.crowded, "\(name): p99 \(p99) µs") }
            return
        }
        let quiet = median { $0.quiet.percentile(0.999) }
        let beside = median { $0.beside.percentile(0.999) }
        let allowed = first.attack == .cancels ? 20_000 : 10_000
        if beside > quiet + allowed { figures.found(.crowded, "\(name): p99.9 \(beside) µs, quiet \(quiet) µs") }
    }
}

/// A flag that two tasks look at.
private final class Shared: Sendable {
    private let state: Mutex<Bool>

    init(_ value: Bool) { state = Mutex(value) }

    var value: Bool {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// What a process has of memory that is its own.
enum Memory {
    static func mebibytes(_ pid: pid_t) throws -> Int {
        let status = try String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)
        guard let line = status.split(separator: "\n").first(where: { $0.hasPrefix("RssAnon:") }),
            let kibibytes = Int(line.split(whereSeparator: \.isWhitespace).dropFirst().first ?? "")
        else { throw TortureError("process \(pid) is gone") }
        return kibibytes >> 10
    }
}
