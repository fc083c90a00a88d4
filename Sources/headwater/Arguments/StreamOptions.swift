import ArgumentParser
import Client
import FeatureModel

/// `--stream`, and how rows are gathered then.
struct StreamOptions: ParsableArguments {
    @Flag(help: "Write rows as they come, line by line, for as long as the input goes on.")
    var stream = false
    @Option(
        help: ArgumentHelp(
            "With --stream: how long a row may wait for others to go with it: \(IntervalArgument.forms). Default: 1ms.",
            valueName: "time"), transform: IntervalArgument.read)
    var linger: IntervalArgument?
    @Option(help: ArgumentHelp("With --stream: rows of one request, at most 1024. Default: 512.", valueName: "rows"))
    var batch: Int?
    @Option(
        help: ArgumentHelp(
            "With --stream: requests that are not acknowledged, at most 1000. Where there are as many, reading waits. Default: 8.",
            valueName: "requests"))
    var inFlight: Int?

    func validate() throws {
        if !stream,
            let option = [linger.map { _ in "--linger" }, batch.map { _ in "--batch" }, inFlight.map { _ in "--in-flight" }]
                .compactMap({ $0 }).first
        {
            throw ValidationError("\(option) goes with --stream")
        }
        if let batch, !(1...WriteStream.batchMax).contains(batch) {
            throw ValidationError("--batch takes 1 to \(WriteStream.batchMax) rows")
        }
        if let inFlight, !(1...WriteStream.inFlightMax).contains(inFlight) {
            throw ValidationError("--in-flight takes 1 to \(WriteStream.inFlightMax) requests")
        }
    }

    func open(_ client: HeadwaterClient, _ group: String) async throws(HeadwaterError) -> WriteStream {
        let linger = if let linger { linger.duration ?? .zero } else { Duration.milliseconds(1) }
        return try await client.stream(group, linger: linger, batch: batch ?? 512, inFlight: inFlight ?? 8)
    }
}
