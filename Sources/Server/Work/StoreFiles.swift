import FeatureModel
import StorageIO

/// The files of a data directory, and who may use them.
enum StoreFiles {
    private static let directories = ["log", "online", "offline"]
    private static let suffixes = [".address", ".lock", ".log", ".json", ".sock", ".tmp", "follower-name"]

    /// Gives what an earlier version left, or another user of this directory, the rights that new files get.
    ///
    /// The directory itself is only settled where nothing else is in it: it may be one that somebody keeps other things in.
    static func settle(_ dataDirectory: String, _ storage: RealStorage) throws(HeadwaterError) {
        for name in directories { try storage.settleAll(below: StoragePath.join(dataDirectory, name)) }
        let names = try storage.list(dataDirectory)
        let isOurs: (String) -> Bool = { name in directories.contains(name) || suffixes.contains { name.hasSuffix($0) } }
        if names.allSatisfy(isOurs) { try storage.settle(dataDirectory) }
        for name in names where [".address", ".json"].contains(where: { name.hasSuffix($0) }) || name == "follower-name" {
            let known = ["online.address", "offline.address", "follower-name"].contains(name) || name.hasPrefix("scrub-")
            if known { try storage.settle(StoragePath.join(dataDirectory, name)) }
        }
    }
}
