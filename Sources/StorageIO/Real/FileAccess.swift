#if canImport(Glibc)
    internal import Glibc
#else
    internal import Musl
#endif
public import FeatureModel

/// Who may use the files and directories that are made, whatever the umask.
public struct FileAccess: Sendable {
    /// `nil`: what the umask leaves, as for a file that somebody asked for by name.
    let modes: (file: UInt32, directory: UInt32, socket: UInt32)?
    /// The group that they are given to.
    let group: UInt32?

    /// Their owner alone: 0600 and 0700.
    public static let owner = FileAccess(modes: (0o600, 0o700, 0o600), group: nil)

    /// As the umask has it: 0666 and 0777 less its bits.
    public static let umask = FileAccess(modes: nil, group: nil)

    /// Their owner, and the members of a group for reading: 0640 and 0750; sockets 0660, so that members may connect.
    ///
    /// - Parameter name: of a group, or its number.
    /// - Throws: `.invalidArgument` where there is none.
    public static func group(_ name: String) throws(HeadwaterError) -> FileAccess {
        // The entry is the C library's, and read before another call of it.
        let known = unsafe getgrnam(name).map { unsafe $0.pointee.gr_gid }
        guard let id = known ?? UInt32(name) else {
            throw HeadwaterError(.invalidArgument, "there is no group '\(name)' on this machine: 'getent group' lists them")
        }
        return FileAccess(modes: (0o640, 0o750, 0o660), group: id)
    }

    /// What a file is created with, before the umask.
    var creationMode: UInt32 { modes?.file ?? 0o666 }
}

extension RealStorage {
    /// Gives an open file of this user the mode and the group that it should have.
    func settle(_ descriptor: Int32, at path: String) throws(HeadwaterError) {
        guard let modes = rights.modes else { return }
        let status = try RealStorage.status(descriptor, at: path)
        // What is another user's is for that user to settle.
        guard status.st_uid == geteuid(), status.st_mode & S_IFMT == S_IFREG else { return }
        if let group = rights.group, status.st_gid != group {
            guard Kernel.retrying({ fchown(descriptor, uid_t.max, group) }) != nil else {
                throw Kernel.error("give the file to the group", at: path)
            }
        }
        guard status.st_mode & 0o7777 != modes.file else { return }
        guard Kernel.retrying({ fchmod(descriptor, modes.file) }) != nil else {
            throw Kernel.error("set the file's mode", at: path)
        }
    }

    /// Settles a file or directory, unless a link stands for it; one that has gone meanwhile is no error. By its name: a umask
    /// may have taken the right to open it from its owner too.
    public func settle(_ path: String) throws(HeadwaterError) {
        guard let modes = rights.modes else { return }
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return try orGone("look at the path", path) }
        let kind = status.st_mode & S_IFMT
        guard status.st_uid == geteuid(), kind == S_IFREG || kind == S_IFDIR else { return }
        let mode = kind == S_IFDIR ? modes.directory : modes.file
        if let group = rights.group, status.st_gid != group {
            guard Kernel.retrying({ unsafe chown(path, uid_t.max, group) }) != nil else {
                return try orGone("give the file to the group", path)
            }
        }
        guard status.st_mode & 0o7777 != mode else { return }
        guard Kernel.retrying({ unsafe chmod(path, mode) }) != nil else { return try orGone("set the file's mode", path) }
    }

    /// Throws what the kernel said of a path, unless it said that nothing is there.
    private func orGone(_ action: String, _ path: String) throws(HeadwaterError) {
        if errno != ENOENT { throw Kernel.error(action, at: path) }
    }

    /// Settles everything below a directory, as far as it is this user's.
    public func settleAll(below directory: String) throws(HeadwaterError) {
        guard rights.modes != nil, exists(directory) else { return }
        try settle(directory)
        let names: [String]
        do throws(HeadwaterError) { names = try list(directory) } catch {
            if exists(directory) { throw error } else { return }
        }
        for name in names {
            let path = StoragePath.join(directory, name)
            var status = stat()
            guard unsafe lstat(path, &status) == 0 else { continue }
            switch status.st_mode & S_IFMT {
            case S_IFDIR: try settleAll(below: path)
            case S_IFREG: try settle(path)
            default: continue
            }
        }
    }

    /// Lets the group connect to a socket that this user listens on; without a group it stays its owner's.
    public func settle(socket path: String) throws(HeadwaterError) {
        guard let modes = rights.modes, let group = rights.group else { return }
        guard Kernel.retrying({ unsafe chown(path, uid_t.max, group) }) != nil,
            Kernel.retrying({ unsafe chmod(path, modes.socket) }) != nil
        else { throw Kernel.error("let the group use the socket", at: path) }
    }
}
