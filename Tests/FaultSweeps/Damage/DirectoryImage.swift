import FeatureModel
import StorageIO
import TestDisks

/// The files of a data directory as bytes: taken from a disk, changed, and put on another.
struct DirectoryImage: Equatable {
    private(set) var files: [String: [UInt8]] = [:]

    static let directories = ["data/log", "data/log/followers", "data/online", "data/offline"]

    init() {}

    init(files: [String: [UInt8]]) { self.files = files }

    /// Everything below `data`.
    init(_ storage: any Storage) throws(HeadwaterError) {
        for directory in Self.directories where storage.exists(directory) {
            for name in try storage.list(directory) {
                let path = StoragePath.join(directory, name)
                if !Self.directories.contains(path) { files[path] = try storage.readAll(path) }
            }
        }
    }

    var paths: [String] { files.keys.sorted() }

    subscript(path: String) -> [UInt8]? {
        get { files[path] }
        set { files[path] = newValue }
    }

    /// A disk that holds these files, all of them durable.
    func storage() throws(HeadwaterError) -> MemoryStorage {
        let storage = MemoryStorage()
        for directory in Self.directories { try storage.createDirectory(directory) }
        for (path, bytes) in files {
            let file = try storage.open(path, .create)
            try file.write(bytes[...], at: 0)
        }
        return storage
    }
}
