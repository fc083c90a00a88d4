#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif
public import FeatureModel

extension RealStorage {
    public func map(_ path: String) throws(HeadwaterError) -> MappedFile {
        let descriptor = try RealStorage.openDescriptor(path, O_RDONLY, "open the file")
        // A mapping holds the file by itself.
        defer { closeDescriptor(descriptor) }
        let count = Int(try RealStorage.status(descriptor, at: path).st_size)
        // The kernel refuses to map no bytes.
        if count == 0 { return MappedFile(path: path, bytes: []) }
        return MappedFile(path: path, memory: try mapMemory(descriptor, count, PROT_READ, path))
    }

    public func mapShared(_ path: String, byteCount: Int, writable: Bool) throws(HeadwaterError) -> SharedPage {
        precondition(byteCount > 0 && byteCount % 8 == 0, "a shared page has whole words")
        let descriptor = try RealStorage.openDescriptor(path, writable ? O_RDWR : O_RDONLY, "open the file")
        defer { closeDescriptor(descriptor) }
        try SharedPage.check(size: Int(try RealStorage.status(descriptor, at: path).st_size), holds: byteCount, at: path)
        let words = SharedWords(try mapMemory(descriptor, byteCount, writable ? PROT_READ | PROT_WRITE : PROT_READ, path))
        return SharedPage(path: path, byteCount: byteCount, isWritable: writable, words: words) { () throws(HeadwaterError) in
            let failure = words.synchronizeMapping()
            if failure != 0 { throw Kernel.error("sync the shared page", at: path, number: failure) }
        }
    }

    private func mapMemory(
        _ descriptor: Int32, _ count: Int, _ protection: Int32, _ path: String
    ) throws(HeadwaterError) -> Memory {
        let base = unsafe mmap(nil, count, protection, MAP_SHARED, descriptor, 0)
        guard let base = unsafe base, unsafe base != MAP_FAILED else { throw Kernel.error("map the file", at: path) }
        return unsafe Memory(mapped: base, count: count)
    }
}

extension SharedPage {
    /// Refuses a file that ends inside the page: touching memory past its end would kill the process.
    package static func check(size: Int, holds byteCount: Int, at path: String) throws(HeadwaterError) {
        guard size < byteCount else { return }
        throw HeadwaterError(
            .dataLoss,
            "the file has \(size) bytes, its shared page \(byteCount); restore it or start from a copy of the directory",
            at: path)
    }
}
