#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif
public import FeatureModel

/// A descriptor that somebody else opened, such as standard input or a pipe, and closes. For any thread.
public struct OpenDescriptor: Sendable {
    private let descriptor: Int32
    /// How messages call it.
    private let name: String

    public init(_ descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Waits until there is something to read, and gives what there is; nothing at the end.
    ///
    /// - Throws: `.unavailable` where it cannot be read.
    public func readAvailable(countMax: Int) throws(HeadwaterError) -> [UInt8] {
        precondition(countMax > 0, "room for no byte")
        var failure: Int32 = 0
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: countMax) { buffer, filled in
            // `buffer` has room for `countMax` bytes.
            if let got = Kernel.retrying({ unsafe read(descriptor, buffer.baseAddress!, countMax) }) {
                filled = got
            } else {
                failure = errno
            }
        }
        if failure != 0 { throw Kernel.error("read it", at: name, number: failure) }
        return bytes
    }
}
