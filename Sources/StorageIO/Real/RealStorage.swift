#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif
public import FeatureModel

/// The operating system's file systems.
public struct RealStorage: Storage {
    /// Of what it makes.
    public let rights: FileAccess

    public init(access: FileAccess = .owner) { rights = access }

    public func createDirectory(_ path: String) throws(HeadwaterError) {
        if try makeDirectory(path) {
            // The parent may be the work of a process that died before it synced it.
            let parent = StoragePath.parent(of: path)
            try syncIfReadable(StoragePath.parent(of: parent))
        } else if try !isDirectory(path) {
            throw Kernel.error("create the directory", at: path, number: EEXIST)
        }
        try syncIfReadable(StoragePath.parent(of: path))
    }

    public func list(_ directory: String) throws(HeadwaterError) -> [String] {
        guard let stream = unsafe opendir(directory) else { throw Kernel.error("list the directory", at: directory) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while true {
            errno = 0
            guard let entry = unsafe readdir(stream) else { break }
            // The kernel ends the name with a zero byte, inside an entry that may be shorter than `dirent`: so no copy of it.
            let offset = MemoryLayout<dirent>.offset(of: \.d_name)!
            let name = unsafe String(cString: UnsafeRawPointer(entry).advanced(by: offset).assumingMemoryBound(to: CChar.self))
            if name != "." && name != ".." { names.append(name) }
        }
        guard errno == 0 else { throw Kernel.error("list the directory", at: directory) }
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    public func exists(_ path: String) -> Bool { unsafe access(path, F_OK) == 0 }

    public func open(_ path: String, _ mode: OpenMode) throws(HeadwaterError) -> any StorageFile {
        let flags =
            switch mode {
            case .read: O_RDONLY
            case .readWrite: O_RDWR
            case .create: O_RDWR | O_CREAT | O_EXCL
            }
        let action = mode == .create ? "create the file" : "open the file"
        let descriptor = try mode == .create ? create(path, flags, action) : RealStorage.openDescriptor(path, flags, action)
        return RealFile(path: path, descriptor: descriptor)
    }

    public func rename(_ old: String, to new: String) throws(HeadwaterError) {
        guard Kernel.retrying({ systemRename(old, new) }) != nil else {
            throw Kernel.error("rename to \(new)", at: old)
        }
    }

    public func remove(_ path: String) throws(HeadwaterError) {
        guard Kernel.retrying({ unsafe unlink(path) }) != nil else { throw Kernel.error("remove the file", at: path) }
    }

    public func syncDirectory(_ path: String) throws(HeadwaterError) {
        if Sabotage.noDirectorySync.isPlanted { return }
        let descriptor = try RealStorage.openDescriptor(path, O_RDONLY | O_DIRECTORY, "open the directory")
        defer { closeDescriptor(descriptor) }
        guard Kernel.retrying({ fsync(descriptor) }) != nil else { throw Kernel.error("sync the directory", at: path) }
    }

    public func lock(_ path: String, exclusive: Bool) throws(HeadwaterError) -> any StorageLock {
        let lock = try RealLock(path, descriptor: openLockFile(path), exclusive: exclusive)
        // Who owns a directory settles what an earlier version left in
        // it, or another owner; who shares it leaves everything as it is.
        if exclusive { try settleAll(below: StoragePath.parent(of: path)) }
        return lock
    }

    public func freeBytes(_ path: String) throws(HeadwaterError) -> Int {
        var information = statvfs()
        guard Kernel.retrying({ unsafe statvfs(path, &information) }) != nil else {
            throw Kernel.error("ask for the free space", at: path)
        }
        let (bytes, overflow) = Int(clamping: information.f_bavail).multipliedReportingOverflow(
            by: Int(clamping: information.f_frsize))
        return overflow ? .max : bytes
    }
}

// MARK: Descriptors

extension RealStorage {
    /// Opens a descriptor that no child process inherits.
    static func openDescriptor(
        _ path: String, _ flags: Int32, _ action: String, mode: UInt32 = 0
    ) throws(HeadwaterError) -> Int32 {
        guard let descriptor = Kernel.retrying({ systemOpen(path, flags | O_CLOEXEC, mode) }) else {
            throw Kernel.error(action, at: path)
        }
        return descriptor
    }

    /// Opens a file that is made where it is not there, and sees that those may use it who should, whatever the umask.
    private func create(_ path: String, _ flags: Int32, _ action: String) throws(HeadwaterError) -> Int32 {
        let descriptor = try RealStorage.openDescriptor(path, flags, action, mode: rights.creationMode)
        do throws(HeadwaterError) {
            try settle(descriptor, at: path)
            return descriptor
        } catch {
            closeDescriptor(descriptor)
            throw error
        }
    }

    /// Opens a lock's file, or makes it; one that is there keeps its mode. Reading is
    /// enough to lock, so that a shared lock works on a file system mounted read-only.
    private func openLockFile(_ path: String) throws(HeadwaterError) -> Int32 {
        if let descriptor = Kernel.retrying({ systemOpen(path, O_RDONLY | O_CLOEXEC, 0) }) { return descriptor }
        guard errno == ENOENT else { throw Kernel.error("open the lock file", at: path) }
        do throws(HeadwaterError) { return try create(path, O_RDONLY | O_CREAT | O_EXCL, "make the lock file") } catch {
            guard error.code == .alreadyExists else { throw error }
            // Somebody else has made it meanwhile; none is ever removed.
            return try RealStorage.openDescriptor(path, O_RDONLY, "open the lock file")
        }
    }

    /// What the descriptor stands for: size, kind, device and inode.
    static func status(_ descriptor: Int32, at path: String) throws(HeadwaterError) -> stat {
        var status = stat()
        guard Kernel.retrying({ unsafe fstat(descriptor, &status) }) != nil else {
            throw Kernel.error("ask for the file's size", at: path)
        }
        return status
    }
}

// The C functions, outside the type whose methods hide their names.
private func systemOpen(_ path: String, _ flags: Int32, _ mode: mode_t) -> Int32 { unsafe open(path, flags, mode) }
private func systemRename(_ old: String, _ new: String) -> Int32 { unsafe rename(old, new) }

/// Closes; an error is of no use: the descriptor is gone either way, and data that matters was synced before.
func closeDescriptor(_ descriptor: Int32) { _ = close(descriptor) }

// MARK: Directories

extension RealStorage {
    /// Makes a directory and, where needed, its parents, and syncs the parents. Returns whether it is new.
    private func makeDirectory(_ path: String) throws(HeadwaterError) -> Bool {
        let mode = rights.modes?.directory ?? 0o777
        if Kernel.retrying({ unsafe mkdir(path, mode) }) != nil {
            try settle(path)
            return true
        }
        let number = errno
        if number == EEXIST { return false }
        let parent = StoragePath.parent(of: path)
        guard number == ENOENT, parent != path, !exists(parent) else {
            throw Kernel.error("create the directory", at: path, number: number)
        }
        try createDirectory(parent)
        guard Kernel.retrying({ unsafe mkdir(path, mode) }) != nil else {
            if errno == EEXIST { return false }
            throw Kernel.error("create the directory", at: path)
        }
        try settle(path)
        return true
    }

    private func isDirectory(_ path: String) throws(HeadwaterError) -> Bool {
        var status = stat()
        guard Kernel.retrying({ unsafe stat(path, &status) }) != nil else { throw Kernel.error("look at the path", at: path) }
        return status.st_mode & S_IFMT == S_IFDIR
    }

    /// Syncs a directory, unless this user may not read it: then this user has not made anything in it that needs a sync,
    /// or has set the rights so on purpose.
    private func syncIfReadable(_ path: String) throws(HeadwaterError) {
        if unsafe access(path, R_OK) != 0 && errno == EACCES { return }
        try syncDirectory(path)
    }
}
