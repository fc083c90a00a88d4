import ArgumentParser
import Catalog
import Client
import FeatureModel
import Foundation
import Transport

/// Which server and which project.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the server listens: HOST:PORT or unix:PATH. Default: HEADWATER_ADDRESS, else 127.0.0.1:7070.",
            valueName: "address"))
    var address: String?

    @Option(
        help: ArgumentHelp(
            "The project that names belong to. Default: HEADWATER_PROJECT, else the store's only one, else 'default'.",
            valueName: "name"))
    var project: String?

    static let addressVariable = "HEADWATER_ADDRESS"
    static let projectVariable = "HEADWATER_PROJECT"
    /// The trace that the command is a part of, as other tools name it to those that they start.
    static let traceVariable = "TRACEPARENT"

    static func environment(_ name: String) -> String? {
        ProcessInfo.processInfo.environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    var effectiveAddress: String { address ?? Self.environment(Self.addressVariable) ?? "127.0.0.1:7070" }
    /// The project that somebody named; `nil` for the store's only one.
    var namedProject: String? { project ?? Self.environment(Self.projectVariable) }

    /// The project, of those that a data directory has.
    func project(in catalog: Catalog) -> String {
        if let namedProject { return namedProject }
        let names = catalog.projectNames
        return names.count == 1 ? names[0] : HeadwaterClient.defaultProject
    }

    func validate() throws {
        guard let address else { return }
        do throws(HeadwaterError) { _ = try Endpoint(address) } catch { throw ValidationError("--address: \(error.message)") }
    }

    /// Connects, with advice where nobody answers.
    ///
    /// - Parameter project: `nil` for the one of the options, or the store's only one.
    func connect(project: String? = nil) async throws(HeadwaterError) -> HeadwaterClient {
        Interrupts.watch()
        var configuration = ClientConfiguration()
        configuration.name = "headwater-cli"
        do {
            return try await HeadwaterClient.connect(
                effectiveAddress, project: project ?? namedProject, configuration: configuration)
        } catch  where error.code == .invalidArgument && address == nil && (try? Endpoint(effectiveAddress)) == nil {
            throw error.located(at: Self.addressVariable)
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
            let result = try await HeadwaterClient.withTrace(Self.environment(Self.traceVariable) ?? "") {
                try await body(client)
            }
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

/// The features of a read: `--service` or `--features`.
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
