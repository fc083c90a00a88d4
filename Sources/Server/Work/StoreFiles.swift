import FeatureModel
import StorageIO

/// The files of a data directory that belong to none of its stores, and who may use them.
enum StoreFiles {
    private static let directories = ["log", "online", "offline"]
    private static let suffixes = [".address", ".lock", ".log", ".json", ".sock", ".tmp", "follower-name"]

    /// Gives what an earlier version left, or another user of this directory, the rights that new files get: what is this role's,
    /// once its stores are open. The stores' own directories are settled by who takes their locks.
    ///
    /// The data directory itself goes with the log, and is only settled where
    /// nothing else is in it: it may be one that somebody keeps other things in.
    static func settle(_ configuration: ServerConfiguration, _ storage: RealStorage) throws(HeadwaterError) {
        let directory = configuration.dataDirectory
        let names = try storage.list(directory)
        let isOurs: (String) -> Bool = { name in directories.contains(name) || suffixes.contains { name.hasSuffix($0) } }
        let hasLog = configuration.runsOnline || !names.contains("log")
        if hasLog, names.allSatisfy(isOurs) { try storage.settle(directory) }
        let known =
            ["scrub-serve.json"] + (configuration.runsOnline ? ["online.address", "scrub-online.json"] : [])
            + (configuration.runsOffline ? ["offline.address", "scrub-offline.json", "follower-name"] : [])
        for name in names where known.contains(name) { try storage.settle(StoragePath.join(directory, name)) }
    }
}
