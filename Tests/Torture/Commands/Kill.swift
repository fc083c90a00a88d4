import ArgumentParser
import FeatureModel
import TestSupport

struct Kill: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "SIGKILL at random moments: of serve, and of online, offline or both as processes of their own.")

    @OptionGroup var options: TortureOptions
    @Option(help: "How long, for the two arrangements together.")
    var seconds = 60.0
    @Option(help: "Kills of each arrangement at most.")
    var cycles = Int.max

    func run() async throws {
        Interruption.watch()
        let all = try await [false, true].asyncMap { isApart in
            try await KillRun(options, isApart: isApart).run(Budget(seconds: seconds / 2, cyclesMax: cycles))
        }
        try options.report(all)
    }
}

/// One arrangement of processes under kills; every few kills all is checked, and now and then a new store begins.
struct KillRun {
    /// So that checks, which read everything, stay short.
    private static let cyclesPerStore = 24
    private static let cyclesPerCheck = 8

    let options: TortureOptions
    let isApart: Bool
    private var random: SplitMix64
    private var figures: Figures

    init(_ options: TortureOptions, isApart: Bool) {
        self.options = options
        self.isApart = isApart
        let seed = options.effectiveSeed
        random = SplitMix64(seed: seed)
        figures = Figures(isApart ? "kill online, offline" : "kill serve", seed: seed)
        if Beside.shortIO == nil {
            figures.leftOut = "short and interrupted reads and writes: build them with `swift build --product ShortIO`"
            Screen.line("\(figures.name): LEFT OUT: \(figures.leftOut!)")
        }
    }

    consuming func run(_ budget: Budget) async throws -> Figures {
        let begun = ContinuousClock.now
        while budget.allows(cycles: figures.cycles) {
            let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
            let checker = Checker(site, name: figures.name)
            checker.figures.facts["stores"] = 1
            if random.chance(0.4), let library = Beside.shortIO {
                site.preload = library
                checker.figures.facts["stores with short and interrupted reads and writes"] = 1
            }
            do { try await run(on: site, checker, budget) } catch {
                checker.ended(with: error)
            }
            site.close(keep: checker.figures.violationCount > 0)
            if checker.figures.violationCount > 0 { Screen.line("kept for a look: \(site.directory)") }
            figures.add(checker.figures)
        }
        figures.seconds = (ContinuousClock.now - begun) / .seconds(1)
        return figures
    }

    private var roles: [Role] { isApart ? [.online, .offline] : [.serve] }

    private mutating func run(on site: Site, _ checker: Checker, _ budget: Budget) async throws {
        for role in roles { try await site.start(role) }
        try await site.withClient(roles[0]) { try await Groups.apply($0) }
        try site.startClients(options.clients, lanes: options.lanes, pauseMax: options.pauseMax)
        var cycles = 0
        while cycles < Self.cyclesPerStore, budget.allows(cycles: figures.cycles + cycles) {
            try await cycle(site, checker)
            cycles += 1
            checker.figures.cycles = cycles
            try site.checkClients()
            if cycles % Self.cyclesPerCheck == 0 { try await checker.check() }
            Screen.progress("\(figures.name): \(figures.cycles + cycles) kills, \(checker.figures.acknowledged) acknowledged")
        }
        try await checker.check()
        site.stopClients()
    }

    /// Some work, a kill of one or both, a start; some kills hit a server that is still starting.
    private mutating func cycle(_ site: Site, _ checker: Checker) async throws {
        let work = Maintenance(site, &random).start()
        try await sleep(30...600, &random)
        let victims = roles.count == 1 ? roles : random.pick([[.online], [.offline], [.online, .offline]])
        for victim in victims { site.kill(victim) }
        _ = await work.value
        if random.chance(0.25) {
            for victim in victims { try site.launch(victim) }
            try await sleep(0...150, &random)
            for victim in victims { site.kill(victim) }
            checker.figures.facts["killed while starting", default: 0] += 1
        }
        for victim in victims {
            checker.figures.recovered(in: try await site.start(victim))
            checker.figures.facts["kills of \(victim.rawValue)", default: 0] += 1
        }
        if random.chance(0.3) { try await checker.checkPrefix() }
        try await checker.expectWrites()
    }
}

extension Array {
    /// One after the other.
    func asyncMap<Other>(_ transform: (Element) async throws -> Other) async rethrows -> [Other] {
        var others: [Other] = []
        for element in self { others.append(try await transform(element)) }
        return others
    }
}
