import ArgumentParser
import Client
import FeatureModel
import Foundation
import Glibc

/// A client that is never killed: several lanes write side by side over one connection and one producer session.
struct ClientProcess: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "client", abstract: "One client process; the other commands start it.", shouldDisplay: false)

    @Option var address: String
    @Option var number: Int
    @Option var lanes: Int
    @Option var seed: UInt64
    @Option(help: "What event times count from, in microseconds.")
    var start: Int64
    @Option(help: "The longest pause of a lane between two writes, in milliseconds.")
    var pauseMax: Int
    @Option(help: "Where the file `hold` says when to pause.")
    var directory: String
    @Option var journal: String

    func run() async throws {
        // Ctrl-C reaches the whole group of processes: who started us decides when we end.
        signal(SIGINT, SIG_IGN)
        let parent = getppid()
        let journal = try Journal(path: journal)
        let client = try await untilUp { try await connect() }
        let groups = try await untilUp { try await Groups(client, start: start) }
        let control = Control(directory: directory, lanes: lanes, journal: journal)
        await withTaskGroup(of: Void.self) { tasks in
            for lane in 0..<lanes {
                tasks.addTask {
                    var lane = Lane(
                        client: client, groups: groups, journal: journal, control: control, seed: seed, number: number,
                        lane: lane, pauseMax: pauseMax)
                    await lane.run()
                }
            }
            // For as long as whoever started us lives, and lets us live.
            tasks.addTask {
                while !Task.isCancelled {
                    control.look()
                    if getppid() != parent { Foundation.exit(1) }
                    try? await Task.sleep(for: .milliseconds(5))
                }
            }
        }
    }

    private func connect() async throws -> HeadwaterClient {
        var configuration = ClientConfiguration()
        configuration.name = "torture-\(number)"
        configuration.callTimeout = .seconds(20)
        return try await HeadwaterClient.connect(address, project: Groups.project, configuration: configuration)
    }

    /// The server may be down just now, and may be killed between any two calls.
    private func untilUp<Answer>(_ call: () async throws -> Answer) async throws -> Answer {
        while true {
            do { return try await call() } catch let error as HeadwaterError {
                guard error.code == .unavailable else { throw error }
                try await Task.sleep(for: .milliseconds(20))
            }
        }
    }
}
