import ArgumentParser
import Client
import FeatureModel
import TestSupport

struct Powercut: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Real power cuts: ext4 on a loop device that stops in the middle of everything. For root.")

    @OptionGroup var options: TortureOptions
    @Option(help: "How long, for both durability modes together.")
    var seconds = 60.0
    @Option(help: "Cuts in each mode at most.")
    var cycles = Int.max

    func run() async throws {
        Interruption.watch()
        let all = try await [nil, 50].asyncMap { interval in
            try await PowercutRun(options, interval: interval).run(Budget(seconds: seconds / 2, cyclesMax: cycles))
        }
        try options.report(all)
    }
}

/// Power cuts in one durability mode; after each of them everything is checked.
struct PowercutRun {
    private static let cyclesPerStore = 15
    private static let diskMegabytes = 384
    /// What a mount may do with data that is not synced: the last two are the harsher ones.
    private static let mounts = ["", "data=writeback", "noauto_da_alloc,data=writeback"]
    /// On a busy machine a sync that is due comes later than asked,
    /// and takes its time: what it covers is not safe before its end.
    private static let slackMilliseconds = 150.0

    let options: TortureOptions
    /// Milliseconds; `nil` is sync.
    let interval: Int?
    private var random: SplitMix64
    private var figures: Figures

    init(_ options: TortureOptions, interval: Int?) {
        self.options = options
        self.interval = interval
        let seed = options.effectiveSeed
        random = SplitMix64(seed: seed)
        figures = Figures("power cut, " + (interval.map { "interval:\($0)" } ?? "sync"), seed: seed)
        figures.skipped = LoopDisk.obstacle()
    }

    consuming func run(_ budget: Budget) async throws -> Figures {
        guard figures.skipped == nil else { return figures }
        let begun = ContinuousClock.now
        while budget.allows(cycles: figures.cycles) {
            let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
            let disk: LoopDisk
            do { disk = try LoopDisk(in: site.directory, megabytes: Self.diskMegabytes, options: random.pick(Self.mounts)) } catch
            {
                // A container may have the device and not the right to use it.
                site.close(keep: false)
                figures.skipped = "\(error)"
                return figures
            }
            site.data = "\(disk.mountPoint)/data"
            let checker = Checker(site, name: figures.name)
            checker.figures.facts["stores"] = 1
            if let interval { checker.loss = Checker.Loss(limitMilliseconds: Double(interval) + Self.slackMilliseconds) }
            do { try await run(on: site, disk, checker, budget) } catch {
                checker.ended(with: error)
            }
            let isBroken = checker.figures.violationCount > 0
            site.close(keep: isBroken)
            disk.close()
            if isBroken { Screen.line("kept for a look: \(site.directory)") } else { site.close(keep: false) }
            figures.add(checker.figures)
        }
        figures.seconds = (ContinuousClock.now - begun) / .seconds(1)
        return figures
    }

    private mutating func run(on site: Site, _ disk: LoopDisk, _ checker: Checker, _ budget: Budget) async throws {
        if let interval { site.onlineOptions += ["--durability", "interval:\(interval)"] }
        let roles: [Role] = random.chance(0.3) ? [.online, .offline] : [.serve]
        for role in roles { try await site.start(role) }
        try await site.withClient(roles[0]) { try await Groups.apply($0) }
        // The definitions too are only as durable as the mode says.
        try await Task.sleep(for: .milliseconds(interval.map { $0 * 4 } ?? 0))
        try site.startClients(options.clients, lanes: options.lanes, pauseMax: options.pauseMax)
        var cycles = 0
        while cycles < Self.cyclesPerStore, budget.allows(cycles: figures.cycles + cycles) {
            try await cycle(site, disk, checker, roles)
            cycles += 1
            checker.figures.cycles = cycles
            try await checker.check()
            Screen.progress("\(figures.name): \(figures.cycles + cycles) cuts, \(checker.figures.acknowledged) acknowledged")
        }
        site.stopClients()
    }

    /// Some work, a cut, a start; some cuts hit a server that is still starting.
    private mutating func cycle(_ site: Site, _ disk: LoopDisk, _ checker: Checker, _ roles: [Role]) async throws {
        let work = Maintenance(site, &random).start()
        try await sleep(20...500, &random)
        try await cut(site, disk, checker, roles)
        _ = await work.value
        if random.chance(0.2) {
            for role in roles { try site.launch(role) }
            try await sleep(0...150, &random)
            try await cut(site, disk, checker, roles)
            checker.figures.facts["cut while starting", default: 0] += 1
        }
        for role in roles { checker.figures.recovered(in: try await site.start(role)) }
        try await checker.expectWrites()
    }

    private mutating func cut(_ site: Site, _ disk: LoopDisk, _ checker: Checker, _ roles: [Role]) async throws {
        let began = try disk.cut(&random)
        // Servers run on for a moment over a disk that is gone: what they say then must be true as well.
        if random.chance(0.5) { try await sleep(0...40, &random) }
        for role in roles { site.kill(role) }
        checker.loss?.cuts.append((began, Journal.now()))
        try disk.unmount()
        try disk.mount()
    }
}
