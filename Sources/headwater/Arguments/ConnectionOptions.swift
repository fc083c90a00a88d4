import ArgumentParser
import Client
import FeatureModel
import Foundation

/// Which server and which project.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the server listens: HOST:PORT or unix:PATH. Default: HEADWATER_ADDRESS, else 127.0.0.1:7070.",
            valueName: "address"))
    var address: String?

    @Option(
        help: ArgumentHelp("The project that names belong to. Default: HEADWATER_PROJECT, else 'default'.", valueName: "name"))
    var project: String?

    static let addressVariable = "HEADWATER_ADDRESS"
    static let projectVariable = "HEADWATER_PROJECT"

    static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    var effectiveAddress: String { address ?? Self.environment(Self.addressVariable) ?? "127.0.0.1:7070" }
    var effectiveProject: String { project ?? Self.environment(Self.projectVariable) ?? "default" }

    /// Connects, with advice where nobody answers.
    ///
    /// - Parameter project: `nil` for the one of the options.
    func connect(project: String? = nil) async throws(HeadwaterError) -> HeadwaterClient {
        Interrupts.watch()
        var configuration = ClientConfiguration()
        configuration.name = "headwater-cli"
        do {
            return try await HeadwaterClient.connect(
                effectiveAddress, project: project ?? effectiveProject, configuration: configuration)
        } catch  where error.code == .unavailable && error.message.contains("cannot be reached") {
            throw HeadwaterError(
                error.code,
                "no server answers at \(effectiveAddress): start one with "
                    + "'headwater serve --data DIR --listen \(effectiveAddress)', or name another with --address or "
                    + Self.addressVariable)
        }
    }

    /// Connects, runs, and closes.
    func withClient<Result>(
        project: String? = nil, _ body: (HeadwaterClient) async throws -> Result
    ) async throws -> Result {
        let client = try await connect(project: project)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }
}

/// `--json`.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print one JSON document instead of text for people.")
    var json = false
}

/// What a read asks for: `--service` or `--features`.
struct SelectionOptions: ParsableArguments {
    @Option(help: ArgumentHelp("A feature service: NAME, NAME@VERSION or NAME_vVERSION.", valueName: "name"))
    var service: String?

    @Option(
        help: ArgumentHelp(
            "Features: GROUP:FEATURE, GROUP@VERSION:FEATURE or GROUP:*, with commas between; may be repeated.", valueName: "list")
    )
    var features: [String] = []

    @Flag(help: "Name outputs GROUP__FEATURE; needed where two names clash.")
    var fullFeatureNames = false

    func validate() throws {
        if (service == nil) == features.isEmpty {
            throw ValidationError("give either --service NAME or --features GROUP:FEATURE,…")
        }
    }
}

/// Reads an instant of the command line.
struct Instant: ExpressibleByArgument {
    let microseconds: Microseconds

    init?(argument: String) {
        guard let microseconds = TimeText.parse(argument) else { return nil }
        self.microseconds = microseconds
    }

    static let help = "RFC 3339, such as 2013-12-31T23:00:00Z, a date, or microseconds since 1970 UTC"
}
