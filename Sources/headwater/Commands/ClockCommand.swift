import ArgumentParser
import Client
import FeatureModel

/// The clock of a server.
struct ClockCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "clock", abstract: "Tell a server that its wall clock is right.", subcommands: [ClockAccept.self])
}

struct ClockAccept: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept", abstract: "Follow the server's wall clock, however far it is from the time trusted so far.",
        discussion: """
            A server stamps what it takes, and counts retention, by a clock that it trusts: the wall clock, unless that gained more than five \
            minutes at once on the time that the machine has been on, or is more than a year ahead of the last record at a start. 'headwater \
            status' and the server's log say when it is not followed. Set the machine's clock right, or, if it is right, accept it. \
            An accepted clock that is years ahead stays in the log: no later record can have an earlier time.

              headwater status
              headwater clock accept
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    private struct Document: Encodable {
        let ahead: Int64
        let now: Int64
    }

    func run() async throws {
        let (ahead, now) = try await connection.withClient { try await $0.acceptClock() }
        if output.json { return try Console.printJSON(Document(ahead: ahead, now: now)) }
        let distance = TimeText.formatDuration(abs(ahead) / 1_000_000 * 1_000_000)
        try Console.print(
            "the wall clock is followed; it was \(distance) \(ahead < 0 ? "behind" : "ahead"), and time is now \(TimeText.format(now))"
        )
    }
}
