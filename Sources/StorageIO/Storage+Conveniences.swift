public import FeatureModel

extension Storage {
    /// All bytes of a file.
    public func readAll(_ path: String) throws(HeadwaterError) -> [UInt8] {
        let file = try open(path, .read)
        defer { file.close() }
        return try file.read(at: 0, count: file.size())
    }

    /// Puts a file with these bytes at `path` in one durable step: after a crash the old file stands there, or the new one.
    ///
    /// Writes `path.tmp`, syncs it, renames it over `path`, and syncs
    /// the directory. One caller at a time for each path and writer.
    /// - Parameter writer: sets callers apart that may come at once, such as two processes: the last one's bytes stand then.
    /// - Throws: `HeadwaterError`; the old file then still stands, unless only the last step, the directory's sync, failed:
    ///   then either may be found after a crash.
    public func replaceAtomically(_ path: String, _ bytes: [UInt8], writer: String? = nil) throws(HeadwaterError) {
        try replaceAtomically(path, bytes[...], writer: writer)
    }

    /// As above, for a part of an array.
    public func replaceAtomically(
        _ path: String, _ bytes: ArraySlice<UInt8>, writer: String? = nil
    ) throws(HeadwaterError) {
        let temporary = path + (writer.map { ".\($0)" } ?? "") + ".tmp"
        // A leftover of a crash; nobody reads files of this name.
        if exists(temporary) { try remove(temporary) }
        do throws(HeadwaterError) {
            let file = try open(temporary, .create)
            defer { file.close() }
            try file.write(bytes, at: 0)
            try file.sync()
            try rename(temporary, to: path)
        } catch {
            // On a full disk this gives the space back; where it fails, the next attempt removes the leftover.
            try? remove(temporary)
            throw error
        }
        try syncDirectory(parentDirectory(of: path))
    }

    /// The directory that holds `path`.
    public func parentDirectory(of path: String) -> String { StoragePath.parent(of: path) }
}
