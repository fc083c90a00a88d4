import ArgumentParser
import Catalog
import Client
import Engine
import FeatureModel
import StorageIO

/// `--data`: reading a store without a server.
struct DirectoryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read this data directory without a server, under a shared lock and without changing it.", valueName: "dir"))
    var data: String?

    /// Reads definitions: from the directory, where one is named, else from the server.
    ///
    /// - Parameter direct: told the directory's catalog, and the project in it that is meant.
    func readDefinitions<Found>(
        _ connection: ConnectionOptions, direct: (_ catalog: Catalog, _ project: String) throws -> Found,
        server: (HeadwaterClient) async throws -> Found
    ) async throws -> Found {
        guard let data else { return try await connection.withClient(server) }
        let catalog = try DataDirectory(data).catalog()
        return try direct(catalog, connection.project(in: catalog))
    }
}

extension DataDirectory {
    /// A directory of this machine's disks. From here on Ctrl-C cancels what is read.
    convenience init(_ path: String) throws(HeadwaterError) {
        Interrupts.watch()
        try self.init(path, storage: RealStorage(), isCancelled: { Interrupts.wasInterrupted })
    }
}
