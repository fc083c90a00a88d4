#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif
internal import CLinux
internal import FeatureModel
internal import Synchronization

/// An open file of the operating system.
///
/// The descriptor is closed when `close` has been called and the last running call has left, so that a late call never
/// reaches another file that was given the same number.
final class RealFile: StorageFile {
    let path: String
    private let descriptor: Int32
    /// Running calls, plus one until `close`. At 0 the descriptor is closed, for good.
    private let users = Atomic<Int>(1)
    private let isClosed = Atomic<Bool>(false)

    /// Takes over the descriptor.
    init(path: String, descriptor: Int32) {
        self.path = path
        self.descriptor = descriptor
    }

    deinit { close() }

    func close() {
        if !isClosed.exchange(true, ordering: .acquiringAndReleasing) { leave() }
    }

    func size() throws(HeadwaterError) -> Int {
        try enter("ask for the file's size")
        defer { leave() }
        return Int(try RealStorage.status(descriptor, at: path).st_size)
    }

    func read(at offset: Int, count: Int) throws(HeadwaterError) -> [UInt8] {
        precondition(offset >= 0 && count >= 0, "a negative offset or count")
        try enter("read the file")
        defer { leave() }
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, filled in
            while filled < count {
                // `buffer` has room for `count` bytes, of which `filled` are written.
                let got = Kernel.retrying {
                    unsafe pread(descriptor, buffer.baseAddress! + filled, count - filled, off_t(offset + filled))
                }
                guard let got else {
                    failure = errno
                    return
                }
                if got == 0 { return }
                filled += got
            }
        }
        if failure != 0 { throw Kernel.error("read the file", at: "\(path):\(offset)", number: failure) }
        return bytes
    }

    func write(_ bytes: ArraySlice<UInt8>, at offset: Int) throws(HeadwaterError) {
        precondition(offset >= 0, "a negative offset")
        try enter("write to the file")
        defer { leave() }
        var written = 0
        var failure: Int32 = 0
        unsafe bytes.withUnsafeBytes { buffer in
            while written < buffer.count {
                // `written` is below `buffer.count`, so the rest lies inside the buffer, which then has an address.
                let put = Kernel.retrying {
                    unsafe pwrite(descriptor, buffer.baseAddress! + written, buffer.count - written, off_t(offset + written))
                }
                guard let put, put > 0 else {
                    // A disk that takes nothing and names no reason would have us loop for ever.
                    failure = put == nil ? errno : EIO
                    return
                }
                written += put
            }
        }
        if failure != 0 { throw Kernel.error("write to the file", at: "\(path):\(offset + written)", number: failure) }
    }

    func sync() throws(HeadwaterError) {
        try enter("sync the file")
        defer { leave() }
        // EINTR too is final here: what the kernel did by then is unknown.
        if fdatasync(descriptor) != 0 { throw Kernel.error("sync the file", at: path) }
    }

    func startWriting(_ range: Range<Int>) {
        guard (try? enter("start to write the file's pages")) != nil else { return }
        defer { leave() }
        linux_start_writing(descriptor, Int64(range.lowerBound), Int64(range.count))
    }

    func forgetCached(_ range: Range<Int>) {
        guard (try? enter("forget the file's pages")) != nil else { return }
        defer { leave() }
        _ = posix_fadvise(descriptor, range.lowerBound, range.count, POSIX_FADV_DONTNEED)
    }

    func truncate(to size: Int) throws(HeadwaterError) {
        precondition(size >= 0, "a negative size")
        try enter("truncate the file")
        defer { leave() }
        guard Kernel.retrying({ ftruncate(descriptor, off_t(size)) }) != nil else {
            throw Kernel.error("truncate the file", at: "\(path):\(size)")
        }
    }

    private func enter(_ action: String) throws(HeadwaterError) {
        var seen = users.load(ordering: .acquiring)
        while seen > 0 {
            let (exchanged, original) = users.compareExchange(expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
            if exchanged { return }
            seen = original
        }
        throw HeadwaterError(.unavailable, "cannot \(action): it is closed; open it again", at: path)
    }

    private func leave() {
        if users.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { closeDescriptor(descriptor) }
    }
}
