internal import FeatureModel
internal import StorageIO

/// An open file of a `FaultyStorage`.
final class FaultyFile: StorageFile {
    private let base: any StorageFile
    private let storage: FaultyStorage

    init(_ base: any StorageFile, storage: FaultyStorage) {
        self.base = base
        self.storage = storage
    }

    var path: String { base.path }

    func close() { base.close() }

    func size() throws(HeadwaterError) -> Int {
        try storage.perform(.size, path) { () throws(HeadwaterError) in try base.size() }
    }

    func read(at offset: Int, count: Int) throws(HeadwaterError) -> [UInt8] {
        try storage.perform(.read, path, offset: offset, count: count) { () throws(HeadwaterError) in
            try base.read(at: offset, count: count)
        }
    }

    func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(HeadwaterError) {
        try storage.perform(
            .write, path, offset: offset, count: bytes.count,
            partly: { count throws(HeadwaterError) in try base.write(bytes.prefix(count), at: offset) },
            { () throws(HeadwaterError) in try base.write(bytes, at: offset) })
    }

    func startWriting(_ range: Range<Int>) { base.startWriting(range) }

    func forgetCached(_ range: Range<Int>) { base.forgetCached(range) }

    func sync() throws(HeadwaterError) {
        try storage.perform(
            .sync, path,
            failing: {
                // Where the base cannot forget, a sync that fails once and then works is not modelled.
                if !storage.isCrashed { try? (base as? any ForgetsUnsyncedPages)?.forgetUnsynced() }
            },
            { () throws(HeadwaterError) in try base.sync() })
    }

    func truncate(to size: Int) throws(HeadwaterError) {
        try storage.perform(.truncate, path, offset: size) { () throws(HeadwaterError) in try base.truncate(to: size) }
    }
}
