public import Foundation
import Glibc
import Synchronization

/// How a process ended.
public enum Ending: Equatable, Sendable {
    case exit(Int32)
    case signal(Int32)
}

/// One process that a test started; it is signalled by its own id alone.
///
/// Spawned by the system's own call: Foundation's `Process` is not made for many threads that start and end processes at once.
public final class Child: Sendable {
    public let pid: pid_t
    private let ending = Mutex<Ending?>(nil)
    public let outputPath: String
    public let errorsPath: String

    public init(
        _ binary: String, _ arguments: [String], directory: URL, environment: [String: String], inputPath: String?,
        outputPath: String, errorsPath: String
    ) throws {
        self.outputPath = outputPath
        self.errorsPath = errorsPath
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        let create = O_WRONLY | O_CREAT | O_TRUNC
        unsafe posix_spawn_file_actions_addopen(&actions, 0, inputPath ?? "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_addopen(&actions, 1, outputPath, create, 0o644)
        unsafe posix_spawn_file_actions_addopen(&actions, 2, errorsPath, create, 0o644)
        // Files that other tests of this process hold open are none of its business: it may be allowed few.
        for descriptor in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd").compactMap({ Int32($0) })
        where descriptor > 2 {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
        // The strings live until the call is over; the system copies them into the new process.
        // env changes the directory and becomes the program, under the same id.
        let command = ["/usr/bin/env", "-C", directory.path, binary] + arguments
        var argv = unsafe command.map { unsafe strdup($0) } + [nil]
        var envp = unsafe environment.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for index in unsafe argv.indices { unsafe free(argv[index]) }
            for index in unsafe envp.indices { unsafe free(envp[index]) }
        }
        var pid = pid_t()
        let code = unsafe posix_spawn(&pid, command[0], &actions, nil, &argv, &envp)
        guard code == 0 else { throw CocoaError(.executableLoad) }
        self.pid = pid
    }

    deinit { _ = poll() }

    public var isRunning: Bool { poll() == nil }
    public var output: String { (try? String(contentsOfFile: outputPath, encoding: .utf8)) ?? "" }
    public var errors: String { (try? String(contentsOfFile: errorsPath, encoding: .utf8)) ?? "" }

    /// Waits for the end; `nil` when it did not come in time.
    public func wait(seconds: Double) -> Ending? {
        let deadline = ContinuousClock.now + .seconds(seconds)
        while true {
            if let ending = poll() { return ending }
            guard ContinuousClock.now < deadline else { return nil }
            usleep(2_000)
        }
    }

    public func send(_ signal: Int32) {
        // Under the lock, so that the id cannot have been reaped and given to somebody else.
        ending.withLock { if $0 == nil { kill(pid, signal) } }
    }

    /// SIGKILL, and waits until the process is gone.
    public func killNow() {
        send(SIGKILL)
        _ = wait(seconds: 10)
    }

    /// How it ended; `nil` while it runs.
    private func poll() -> Ending? {
        ending.withLock { ending in
            if ending != nil { return ending }
            var status: Int32 = 0
            guard unsafe waitpid(pid, &status, WNOHANG) == pid else { return nil }
            let signal = status & 0x7F
            ending = signal == 0 ? .exit(status >> 8 & 0xFF) : .signal(signal)
            return ending
        }
    }
}
