public import FeatureModel
internal import Foundation
internal import Glibc

/// A server under load: started on a core of its own, watched through `/proc`, and ended by its own id.
public final class ServerProcess {
    /// What a process has used up since it started.
    public struct Usage: Sendable {
        public var cpuSeconds = 0.0

        public static func - (later: Usage, earlier: Usage) -> Usage {
            Usage(cpuSeconds: later.cpuSeconds - earlier.cpuSeconds)
        }
    }

    public let name: String
    private let pid: pid_t
    private var isEnded = false

    /// - Parameters:
    ///   - cores: those that it may run on, as `taskset` takes them; `nil` for all.
    ///   - logPath: where its output goes.
    /// - Throws: `.unavailable` where it cannot be started.
    public init(name: String, _ command: [String], cores: String?, logPath: String) throws(HeadwaterError) {
        self.name = name
        let command = (cores.map { ["/usr/bin/taskset", "-c", $0] } ?? ["/usr/bin/env"]) + command
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, 1, logPath, O_WRONLY | O_CREAT | O_APPEND, 0o644)
        unsafe posix_spawn_file_actions_adddup2(&actions, 1, 2)
        // A thread that blocks signals, as some of a test run do, would
        // hand that on, and nothing would end the server but SIGKILL.
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var noSignals = sigset_t()
        unsafe sigemptyset(&noSignals)
        unsafe posix_spawnattr_setsigmask(&attributes, &noSignals)
        unsafe posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
        // The strings live until the call is over; the system copies them into the new process.
        var arguments = unsafe command.map { unsafe strdup($0) } + [nil]
        defer { for index in unsafe arguments.indices { unsafe free(arguments[index]) } }
        var pid = pid_t()
        let code = unsafe posix_spawn(&pid, command[0], &actions, &attributes, &arguments, environ)
        guard code == 0 else { throw HeadwaterError(.unavailable, "cannot start \(name): error \(code)", at: command[0]) }
        self.pid = pid
    }

    deinit { stop() }

    /// SIGTERM, SIGKILL after ten seconds, and waits until it is gone.
    public func stop() {
        guard !isEnded else { return }
        isEnded = true
        kill(pid, SIGTERM)
        var status: Int32 = 0
        for attempt in 0... {
            if unsafe waitpid(pid, &status, WNOHANG) == pid { return }
            // A stop may write a snapshot first, for as long as `--stop-within` has it.
            if attempt == 6_000 { kill(pid, SIGKILL) }
            usleep(10_000)
        }
    }

    /// Keeps all its threads, and those that it starts later to some cores, as `taskset` takes them.
    func keep(to cores: String) throws(HeadwaterError) { try BenchmarkLoad.keep(pid, to: cores) }

    /// Lets it stand still, or go on.
    public func pause(_ isPaused: Bool) { kill(pid, isPaused ? SIGSTOP : SIGCONT) }

    /// SIGKILL: ends as in a crash.
    public func crash() {
        guard !isEnded else { return }
        isEnded = true
        kill(pid, SIGKILL)
        var status: Int32 = 0
        unsafe waitpid(pid, &status, 0)
    }

    /// Waits for its own end; its exit code, or `nil` where a signal ended it.
    func wait() -> Int32? {
        var status: Int32 = 0
        guard !isEnded, unsafe waitpid(pid, &status, 0) == pid else { return nil }
        isEnded = true
        return status & 0x7F == 0 ? status >> 8 & 0xFF : nil
    }

    /// Bytes of its memory that are resident, pages of mapped files included: now, and the most since the peak was reset.
    public func memory() -> (resident: Int, anonymous: Int, peak: Int) {
        let status = (try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8)) ?? ""
        func bytes(_ name: String) -> Int {
            let line = status.split(separator: "\n").first { $0.hasPrefix(name) }
            return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
        }
        return (bytes("VmRSS:"), bytes("RssAnon:"), bytes("VmHWM:"))
    }

    /// Lets the peak of its memory start from what it has now.
    public func resetPeakMemory() { try? "5".write(toFile: "/proc/\(pid)/clear_refs", atomically: false, encoding: .utf8) }

    public func usage() -> Usage {
        var usage = Usage()
        // The name in parentheses may hold spaces; user and system time are fields 14 and 15.
        if let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8), let end = stat.lastIndex(of: ")") {
            let fields = stat[end...].split(separator: " ")
            let ticks = (Double(fields[12]) ?? 0) + (Double(fields[13]) ?? 0)
            usage.cpuSeconds = ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        }
        return usage
    }
}

/// Keeps this process, all its threads, and those that it starts later to some cores, as `taskset` takes them.
public func runOn(cores: String) throws(HeadwaterError) { try keep(getpid(), to: cores) }

private func keep(_ process: pid_t, to cores: String) throws(HeadwaterError) {
    let taskset = try ServerProcess(
        name: "taskset", ["/usr/bin/taskset", "-a", "-c", "-p", cores, "\(process)"], cores: nil, logPath: "/dev/null")
    guard taskset.wait() == 0 else { throw HeadwaterError(.unavailable, "process \(process) cannot be kept to core \(cores)") }
}
