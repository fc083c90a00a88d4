import Foundation
import Glibc

/// Runs cases in child processes of this executable, so that one that traps or hangs is caught, named, and passed over.
///
/// A worker prints a line for each case in its order; the case behind the last line is the one that it died of.
public struct WorkerPool {
    private let arguments: [String]
    private var workers: [Worker]
    /// A case takes milliseconds; one that takes this long never ends.
    private static let hangSeconds = 60.0

    /// - Parameter arguments: what makes this executable a worker; its share and its first case are appended.
    public init(indices: [Int], jobs: Int, arguments: [String]) {
        self.arguments = arguments
        workers = (0..<jobs).map {
            Worker(share: $0, of: jobs, cases: stride(from: $0, to: indices.count, by: jobs).map { indices[$0] })
        }
    }

    /// What a worker prints for one case.
    public static func line(_ verdict: Verdict) -> String {
        let detail = verdict.detail.replacing("\n", with: " ").replacing("\t", with: " ")
        return "\(verdict.isViolation ? 1 : 0)\t\(verdict.outcome)\t\(detail)\n"
    }

    /// Runs every case and hands over its verdict.
    public mutating func run(_ each: (_ index: Int, Verdict) -> Void) throws {
        for index in workers.indices { try workers[index].start(arguments) }
        while workers.contains(where: \.isRunning) {
            var polled = workers.filter(\.isRunning).map { pollfd(fd: $0.output, events: Int16(POLLIN), revents: 0) }
            unsafe poll(&polled, nfds_t(polled.count), 1_000)
            for index in workers.indices where workers[index].isRunning {
                for (done, verdict) in workers[index].takeVerdicts() { each(done, verdict) }
                guard let ending = workers[index].reap(hangSeconds: Self.hangSeconds) else { continue }
                if let current = workers[index].current {
                    each(current, Verdict("crash", ending, isViolation: true))
                    workers[index].pass()
                    try workers[index].start(arguments)
                }
            }
        }
    }
}

/// One child process and the cases that are its own.
private struct Worker {
    let share: Int
    let jobs: Int
    let cases: [Int]
    private(set) var output: Int32 = -1
    private var pid: pid_t = 0
    private var done = 0
    private var buffer: [UInt8] = []
    private var lastLine = Date()
    private var isAtEnd = false

    init(share: Int, of jobs: Int, cases: [Int]) {
        self.share = share
        self.jobs = jobs
        self.cases = cases
    }

    var isRunning: Bool { pid != 0 }
    /// The case that runs now; `nil` behind the last.
    var current: Int? { done < cases.count ? cases[done] : nil }

    mutating func pass() { done += 1 }

    mutating func start(_ arguments: [String]) throws {
        guard done < cases.count else { return }
        var ends: [Int32] = [0, 0]
        guard unsafe pipe(&ends) == 0 else { throw CocoaError(.fileWriteUnknown) }
        _ = fcntl(ends[0], F_SETFD, FD_CLOEXEC)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        unsafe posix_spawn_file_actions_addclose(&actions, ends[1])
        // The strings live until the call is over; the system copies them into the new process.
        let words = ["sweep"] + arguments + ["--worker", "\(share)/\(jobs)", "--from", "\(done)"]
        var argv = unsafe words.map { unsafe strdup($0) } + [nil]
        var variables = ProcessInfo.processInfo.environment
        // A trap is told by its signal; a backtrace of each would only take time.
        variables["SWIFT_BACKTRACE"] = "enable=no"
        var envp = unsafe variables.map { unsafe strdup("\($0.key)=\($0.value)") } + [nil]
        defer {
            for index in unsafe argv.indices { unsafe free(argv[index]) }
            for index in unsafe envp.indices { unsafe free(envp[index]) }
        }
        let code = unsafe posix_spawn(&pid, "/proc/self/exe", &actions, nil, &argv, &envp)
        _ = close(ends[1])
        guard code == 0 else { throw CocoaError(.executableLoad) }
        output = ends[0]
        (buffer, lastLine, isAtEnd) = ([], Date(), false)
    }

    /// Verdicts that came since.
    mutating func takeVerdicts() -> [(Int, Verdict)] {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        while true {
            let count = unsafe read(output, &chunk, chunk.count)
            if count == 0 { isAtEnd = true }
            if count <= 0 { break }
            buffer += chunk.prefix(count)
        }
        var verdicts: [(Int, Verdict)] = []
        var rest = buffer[...]
        while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
            let parts = String(decoding: rest[..<end], as: UTF8.self).split(separator: "\t", omittingEmptySubsequences: false)
            rest = rest[(end + 1)...]
            guard parts.count == 3, let index = current else { continue }
            verdicts.append((index, Verdict(String(parts[1]), String(parts[2]), isViolation: parts[0] == "1")))
            done += 1
            lastLine = Date()
        }
        buffer = Array(rest)
        return verdicts
    }

    /// How the process ended, once it has and its last line is read; kills one that hangs.
    mutating func reap(hangSeconds: Double) -> String? {
        let hangs = Date().timeIntervalSince(lastLine) > hangSeconds
        if hangs { kill(pid, SIGKILL) }
        guard isAtEnd || hangs else { return nil }
        var status: Int32 = 0
        unsafe waitpid(pid, &status, 0)
        _ = close(output)
        pid = 0
        let signal = status & 0x7F
        return hangs ? "no end after \(Int(hangSeconds)) s" : signal != 0 ? "signal \(signal)" : "exit code \(status >> 8 & 0xFF)"
    }
}
