import ArgumentParser
import Client
import FeatureModel
import TestSupport
import Wire

struct Full: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "A disk that fills up while serving, and gets room again. For root.")

    @OptionGroup var options: TortureOptions
    @Option(help: "How long.")
    var seconds = 30.0
    @Option(help: "Full disks at most.")
    var cycles = Int.max

    func run() async throws {
        Interruption.watch()
        try options.report([try await FullRun(options).run(Budget(seconds: seconds, cyclesMax: cycles))])
    }
}

/// Full disks: reads go on, writes are refused for that reason and no other, and all works again once there is room.
struct FullRun {
    /// Of which every other one restarts the server while the disk is full.
    private static let cyclesPerStore = 4
    private static let diskMegabytes = 256

    let options: TortureOptions
    private var random: SplitMix64
    private var figures: Figures

    init(_ options: TortureOptions) {
        self.options = options
        let seed = options.effectiveSeed
        random = SplitMix64(seed: seed)
        figures = Figures("full disk", seed: seed)
        figures.skipped = LoopDisk.obstacle()
    }

    consuming func run(_ budget: Budget) async throws -> Figures {
        guard figures.skipped == nil else { return figures }
        let begun = ContinuousClock.now
        var store = 0
        while budget.allows(cycles: figures.cycles) {
            let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
            let disk: any Disk
            do {
                // In turn: in memory, where the last page is the limit, and
                // ext4, where a write takes its room before the disk does.
                disk =
                    store % 2 == 0
                    ? try TemporaryDisk(in: site.directory, megabytes: Self.diskMegabytes)
                    : try LoopDisk(in: site.directory, megabytes: Self.diskMegabytes, options: "")
            } catch {
                site.close(keep: false)
                figures.skipped = "\(error)"
                return figures
            }
            site.data = "\(disk.mountPoint)/data"
            let checker = Checker(site, name: figures.name)
            checker.figures.facts["stores"] = 1
            do { try await run(on: site, disk, checker, budget) } catch {
                checker.ended(with: error)
            }
            let isBroken = checker.figures.violationCount > 0
            site.close(keep: isBroken)
            disk.close()
            if isBroken { Screen.line("kept for a look: \(site.directory)") } else { site.close(keep: false) }
            figures.add(checker.figures)
            store += 1
        }
        figures.seconds = (ContinuousClock.now - begun) / .seconds(1)
        return figures
    }

    private mutating func run(on site: Site, _ disk: any Disk, _ checker: Checker, _ budget: Budget) async throws {
        try await site.start(.serve)
        try await site.withClient(.serve) { try await Groups.apply($0) }
        checker.codesOfAbsence = Set(StatusCode.allCases)
        checker.excusedCodes.insert(.resourceExhausted)
        try site.startClients(options.clients, lanes: options.lanes, pauseMax: options.pauseMax)
        let ballast = Ballast(disk)
        var cycles = 0
        while cycles < Self.cyclesPerStore, budget.allows(cycles: figures.cycles + cycles) {
            try await sleep(50...300, &random)
            try await fill(ballast, site, checker)
            try await useWhileFull(site, checker)
            if cycles % 2 == 1 {
                checker.codesOfAbsence = [.resourceExhausted]
                site.kill(.serve)
                checker.figures.recovered(in: try await site.start(.serve))
                checker.figures.facts["restarts while full", default: 0] += 1
                try await useWhileFull(site, checker)
            }
            ballast.remove()
            try await checker.expectWrites(20)
            try await expectHistory(site, checker)
            cycles += 1
            checker.figures.cycles = cycles
            try await checker.check()
            Screen.progress("\(figures.name): \(figures.cycles + cycles) times, \(checker.figures.acknowledged) acknowledged")
        }
        site.stopClients()
    }

    /// Leaves a little room, and waits until a client is refused.
    private mutating func fill(_ ballast: Ballast, _ site: Site, _ checker: Checker) async throws {
        try checker.journals.read(site.journals)
        let before = checker.journals.refusals(.resourceExhausted)
        // Longer than a history may wait: until then every lane may be waiting for one.
        let deadline = ContinuousClock.now + .seconds(90)
        var rest = random.int(0...3 << 20)
        var squeeze = ContinuousClock.now + .seconds(4)
        while checker.journals.refusals(.resourceExhausted) == before {
            try site.checkClients()
            // Compactions and snapshots give room back; where that is enough to live on for ever, there is less and less of it.
            if ContinuousClock.now > squeeze {
                rest /= 2
                squeeze += .seconds(4)
            }
            try ballast.fill(leaving: rest)
            guard ContinuousClock.now < deadline else { throw TortureError("the disk is full, and no write was refused") }
            try await Task.sleep(for: .milliseconds(10))
            try checker.journals.read(site.journals)
        }
        for entry in checker.journals.entries.values {
            guard let error = entry.error, error.code != .resourceExhausted,
                error.code != .unavailable || checker.codesOfAbsence.contains(.unavailable)
            else { continue }
            checker.figures.found(.p7, "on a full disk a write is refused as \(error.code.name): \(error.message)")
        }
    }

    /// Every read answers as if nothing were wrong, and a snapshot that finds no room harms nothing.
    private func useWhileFull(_ site: Site, _ checker: Checker) async throws {
        try await site.withClient(.serve) { client in
            let position = try await client.status().value.online?.appliedPosition ?? 0
            let prepared = try await client.prepare(Groups.selection, fullFeatureNames: true)
            let keys = Batch(rowCount: 1, columns: [(0, try Column(.int64, [.int64(1)]))])
            let got = try await client.get(prepared, keys: keys, minPosition: position)
            guard got.position >= position else { throw TortureError("a get is stale") }
            // Its memory is bounded, and its chunks find no room: history may stay behind, and answers where it stands.
            _ = try await StoreRows(client, group: "marks", minPosition: 0)
            checker.figures.facts["reads while full", default: 0] += 2
            do { _ = try await client.snapshot() } catch let error as HeadwaterError {
                checker.figures.facts["snapshots refused", default: 0] += 1
                if error.code != .resourceExhausted && error.code != .aborted {
                    checker.figures.found(.p7, "on a full disk a snapshot is refused as \(error)")
                }
            }
        }
    }

    /// An unoptimised build on a slow machine beside clients that never rest: chunks are written by
    /// threads that give way, and the log waits for them.
    private static let catchUpMax = Duration.seconds(90)

    /// Waits for the history; a read that ran out of time by itself is asked again.
    private func wait(for position: Position, _ client: HeadwaterClient, until end: ContinuousClock.Instant) async throws {
        while true {
            do {
                _ = try await StoreRows(client, group: "marks", minPosition: position)
                return
            } catch let error as HeadwaterError where error.code == .deadlineExceeded && ContinuousClock.now < end {}
        }
    }

    /// As writes do, history goes on by itself, and then everything else that needs room.
    private func expectHistory(_ site: Site, _ checker: Checker) async throws {
        try await site.withClient(.serve) { client in
            let position = try await client.status().value.online?.appliedPosition ?? 0
            let began = ContinuousClock.now
            try await wait(for: position, client, until: began + Self.catchUpMax)
            guard ContinuousClock.now - began < Self.catchUpMax else {
                throw TortureError("there is room again, and history took \(ContinuousClock.now - began) to go on")
            }
            do { _ = try await client.snapshot() } catch let error as HeadwaterError {
                // One of the server's own may be under way.
                guard error.code == .aborted else { throw error }
            }
            _ = try await client.compact()
        }
    }
}
