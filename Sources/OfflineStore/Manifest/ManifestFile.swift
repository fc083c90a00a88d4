internal import FeatureModel
internal import StorageIO

/// The manifest's file: read whole, replaced whole.
struct ManifestFile: Sendable {
    static let name = "manifest"
    static let temporaryName = "manifest.tmp"

    let storage: any Storage
    let directory: String

    var path: String { directory + "/" + Self.name }
    private var temporaryPath: String { directory + "/" + Self.temporaryName }

    func read() throws(HeadwaterError) -> Manifest {
        let file = try storage.open(path, .read)
        defer { file.close() }
        return try Manifest(decoding: try file.read(at: 0, count: try file.size()), path: path)
    }

    /// The outcome of a failed commit.
    enum Failure: Error {
        /// The old manifest holds; the commit may be tried again.
        case before(HeadwaterError)
        /// The old or the new manifest may be on the disk: only a new open can tell.
        case unknown(HeadwaterError)
    }

    /// Makes `manifest` the durable one: write beside, sync, rename, sync the directory.
    func commit(_ manifest: Manifest) throws(Failure) {
        do {
            // New chunk files must be found by name before a manifest names them.
            try storage.syncDirectory(directory)
            if storage.exists(temporaryPath) { try storage.remove(temporaryPath) }
            let file = try storage.open(temporaryPath, .create)
            defer { file.close() }
            try file.write(manifest.encode()[...], at: 0)
            try file.sync()
        } catch {
            throw .before(error)
        }
        do {
            try storage.rename(temporaryPath, to: path)
            try storage.syncDirectory(directory)
        } catch {
            throw .unknown(error)
        }
    }
}
