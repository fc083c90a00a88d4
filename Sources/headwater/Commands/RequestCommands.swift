import ArgumentParser
import Client
import FeatureModel
import Tables
import Wire

struct Clients: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who is connected to a server, and what each has asked for.",
        discussion: """
            A line for each connection: where it comes from, what the client calls itself, its requests and bytes since it \
            connected, and the requests that have no answer yet. This command is one of them.

              headwater clients
              headwater clients --json
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let answer = try await connection.withClient { try await $0.clients() }
        if output.json { return try Console.write(answer.json + [UInt8(ascii: "\n")]) }
        var table = TextTable([
            "address", "client", "version", "project", "connected", "silent", "requests", "in flight", "received", "sent",
        ])
        let now = answer.value.wallTime
        for client in answer.value.clients {
            table.append([
                client.address, client.name ?? "unknown", client.version ?? "unknown", client.project ?? "",
                TimeText.format((client.openedAt / 1_000_000) * 1_000_000),
                NumberFormat.seconds(.microseconds(max(0, now - client.lastHeard))), NumberFormat.count(client.requests),
                NumberFormat.count(client.inFlight), NumberFormat.bytes(client.receivedBytes),
                NumberFormat.bytes(client.sentBytes),
            ])
        }
        try Console.print("\(table.text)\n\(NumberFormat.count(answer.value.clients.count, "connection"))")
    }
}

struct Slow: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show the slowest requests of the last hour, and what each waited for.",
        discussion: """
            Of each method the ten slowest that were answered within the last hour, the slowest first. The time of a request is \
            split into what it waited for: a thread, a position, memory, its client, the log; the rest was work. Small gets are \
            answered together at once: of these the time of all of them is shown, and how many they were.

            A server logs each request that takes longer than its --log-slow.

              headwater slow
              headwater slow --json
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Output") var output: OutputOptions

    func run() async throws {
        let answer = try await connection.withClient { try await $0.slow() }
        if output.json { return try Console.write(answer.json + [UInt8(ascii: "\n")]) }
        guard !answer.value.requests.isEmpty else { return try Console.print("no request was answered within the last hour") }
        var table = TextTable(["ended", "method", "ms", "waited for", "status", "about", "received", "sent", "client", "trace"])
        for request in answer.value.requests {
            table.append([
                TimeText.format((request.endedAt / 1_000) * 1_000),
                request.method + (request.together.map { " ×\(NumberFormat.count($0))" } ?? ""),
                NumberFormat.fixed(Double(request.microseconds) / 1_000, 3), Self.waits(request), request.status,
                [request.project, request.subject].compactMap { $0 }.joined(separator: "/"),
                NumberFormat.bytes(request.receivedBytes), NumberFormat.bytes(request.sentBytes),
                [request.clientName, request.clientAddress].compactMap { $0 }.joined(separator: " "), request.traceID ?? "",
            ])
        }
        try Console.print(String(table.text.dropLast()))
    }

    /// `position 50.1 ms, work 0.2 ms`: the greatest first, without what took less than a hundredth of all.
    private static func waits(_ request: SlowReport.Request) -> String {
        request.waits.named.filter { $0.microseconds > 0 && $0.microseconds * 100 >= request.microseconds }
            .sorted { $0.microseconds > $1.microseconds }
            .map { "\($0.name) \(NumberFormat.fixed(Double($0.microseconds) / 1_000, 1))" }.joined(separator: ", ")
    }
}
