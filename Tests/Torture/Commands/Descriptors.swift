import ArgumentParser
import Client
import FeatureModel
import Foundation
import ProcessSupport
import TestSupport
import Wire

struct Descriptors: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Servers that may open few files, under more connections than that.")

    @OptionGroup var options: TortureOptions
    @Option(help: "Servers that are started, each with a limit of its own.")
    var tries = 1_000

    func run() async throws {
        Interruption.watch()
        RawSocket.raiseLimit()
        try options.report([try await DescriptorRun(options).run(Budget(seconds: 3_600, cyclesMax: tries))])
    }
}

/// Starts and loads at random limits of open files: a server says at its start
/// that it has too few, or serves, whatever comes, until it is told to stop.
struct DescriptorRun {
    /// What a start that has too few says.
    private static let words = "files may be open in this process"
    private static let startSeconds = 60.0

    let options: TortureOptions
    private var random: SplitMix64
    private var figures: Figures

    init(_ options: TortureOptions) {
        self.options = options
        let seed = options.effectiveSeed
        random = SplitMix64(seed: seed)
        figures = Figures("descriptors", seed: seed)
    }

    consuming func run(_ budget: Budget) async throws -> Figures {
        let begun = ContinuousClock.now
        let site = try Site(binary: options.path, seed: random.next() % 1_000_000_000)
        while budget.allows(cycles: figures.cycles) {
            // The smaller the limit, the more there is to go wrong.
            let limit = random.chance(0.5) ? random.int(6...160) : random.int(160...1_200)
            try await oneLife(site, limit)
            figures.cycles += 1
            Screen.progress("\(figures.name): \(figures.cycles) servers")
        }
        let isBroken = figures.violationCount > 0
        site.close(keep: isBroken)
        if isBroken { Screen.line("kept for a look: \(site.directory)") }
        figures.seconds = (ContinuousClock.now - begun) / .seconds(1)
        return figures
    }

    private mutating func oneLife(_ site: Site, _ limit: Int) async throws {
        let server = try site.launch(.serve, through: ["/bin/sh", "-c", "ulimit -n \(limit) && exec \"$0\" \"$@\""])
        let deadline = ContinuousClock.now + .seconds(Self.startSeconds)
        while server.isRunning, !server.errors.contains("ready") {
            guard ContinuousClock.now < deadline else {
                figures.found(.died, "limit \(limit): neither ready nor refused")
                return site.kill(.serve)
            }
            try await Task.sleep(for: .milliseconds(2))
        }
        if !server.isRunning {
            return judgeRefusal(server, limit)
        }
        figures.facts["served", default: 0] += 1
        let isWriting = random.chance(0.7)
        var crowd: [RawSocket] = []
        for part in 0..<3 {
            for _ in 0..<(limit / 3 + 30) {
                guard let socket = try? RawSocket(path: "\(site.directory)/s.sock") else { continue }
                if random.chance(0.5) { socket.send(Self.hello[...]) }
                crowd.append(socket)
            }
            if isWriting, part < 2 { await use(site, isCrowded: true, limit) }
        }
        for socket in crowd { socket.close() }
        await use(site, isCrowded: false, limit)
        server.send(SIGTERM)
        let ending = server.wait(seconds: 60)
        if ending != .exit(0) {
            figures.found(
                .died, "limit \(limit): ended with \(ending.map { "\($0)" } ?? "nothing"): \(server.errors.suffix(400))")
        }
        site.kill(.serve)
    }

    private mutating func judgeRefusal(_ server: Child, _ limit: Int) {
        let ending = server.wait(seconds: 1)
        // So few that the program's own libraries cannot be opened: the system says so itself.
        let isSystems = server.errors.contains("error while loading shared libraries")
        guard case .exit(let code) = ending, code != 0, server.errors.contains(Self.words) || isSystems else {
            return figures.found(
                .died, "limit \(limit): start ended with \(ending.map { "\($0)" } ?? "-"): \(server.errors.suffix(400))")
        }
        figures.facts["refused at the start", default: 0] += 1
    }

    /// Writes and asks for the status; beside a crowd it may be refused, afterwards not.
    private mutating func use(_ site: Site, isCrowded: Bool, _ limit: Int, tries: Int = 25) async {
        do {
            try await site.withClient(.serve) { client in
                try await Groups.apply(client)
                let groups = try await Groups(client, start: site.start)
                let mark = RecordEntry(
                    groupID: groups.marks.groupID, schemaVersion: groups.marks.schemaVersion, operation: .write,
                    batch: Batch(
                        rowCount: 1, columns: [(0, try Column(.int64, [.int64(1)])), (1, try Column(.int64, [.int64(2)]))]))
                _ = try await client.write([mark])
                _ = try await client.status()
            }
            figures.acknowledged += 1
        } catch {
            if isCrowded {
                figures.facts["refused in the crowd", default: 0] += 1
            } else if tries > 1 {
                // The server may not have noticed yet that the crowd has gone.
                try? await Task.sleep(for: .milliseconds(200))
                await use(site, isCrowded: false, limit, tries: tries - 1)
            } else {
                figures.found(.died, "limit \(limit): no answer after the crowd has gone: \(error)")
            }
        }
    }

    private static let hello: [UInt8] = {
        var header = FrameHeader(.request, method: .hello, requestID: 1)
        header.isEnd = true
        return FrameEncoder.encode(header, head: HelloRequest().encode()).bytes
    }()
}
