#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif
internal import FeatureModel

/// The system calls that need a loop or an error text.
enum Kernel {
    /// Runs a call again while a signal interrupts it. Returns its result, or `nil` with `errno` set.
    static func retrying<Result: FixedWidthInteger>(_ call: () -> Result) -> Result? {
        while true {
            let result = call()
            if result != -1 { return result }
            if errno != EINTR { return nil }
        }
    }

    /// `msync` of a mapping. Returns an `errno`, or 0.
    static func sync(_ base: UnsafeMutableRawPointer, _ count: Int) -> Int32 {
        retrying { unsafe msync(base, count, MS_SYNC) } == nil ? errno : 0
    }

    /// The error of a failed call, from `errno` unless given.
    ///
    /// - Parameter action: what was tried, to stand after "cannot": `write to the file`.
    static func error(_ action: String, at location: String, number: Int32 = errno) -> HeadwaterError {
        // strerror's text is per thread in glibc (since 2.32) and constant in musl.
        let text = unsafe strerror(number).map { unsafe String(cString: $0) } ?? "error \(number)"
        let reason = number == ENOSPC || number == EDQUOT ? "the disk is full (\(text))" : text
        return HeadwaterError(code(number), "cannot \(action): \(reason); \(advice(number))", at: location)
    }

    private static func code(_ number: Int32) -> StatusCode {
        switch number {
        case ENOENT, ENOTDIR: .notFound
        case EEXIST: .alreadyExists
        case ENOSPC, EDQUOT: .resourceExhausted
        case EACCES, EPERM: .permissionDenied
        default: .unavailable
        }
    }

    private static func advice(_ number: Int32) -> String {
        switch number {
        case ENOENT, ENOTDIR: "check the path"
        case EEXIST: "remove it or choose another path"
        case ENOSPC, EDQUOT: "free space on this file system"
        case EACCES, EPERM: "give this user the right to use the path"
        case EROFS: "the file system is mounted read-only: mount it for writing or choose another directory"
        case EMFILE, ENFILE: "raise the limit of open files (ulimit -n)"
        case EFBIG: "raise the limit of file size (ulimit -f)"
        case EIO: "check the disk and the kernel log (dmesg)"
        default: "check the path and the disk"
        }
    }
}
