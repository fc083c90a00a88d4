import Foundation
import ProcessSupport

/// One fault in one system call of a server, by strace.
struct Injection: Hashable, CustomStringConvertible {
    enum Fault: String, CaseIterable {
        case kill = "signal=SIGKILL"
        case io = "error=EIO"
        case full = "error=ENOSPC"
        case interrupted = "error=EINTR"
    }

    let call: String
    let fault: Fault
    /// The n-th such call of each thread, from 1.
    let number: Int

    var description: String { "\(fault.rawValue) at \(call) \(number)" }
}

/// Traces and faults of a server. strace stands beside it (`-D`), so that the server is our own child.
struct Strace {
    /// Every call by which a server changes a file, or learns what is in one.
    static let faults: [(call: String, faults: [Injection.Fault])] = [
        ("pwrite64", [.kill, .io, .full, .interrupted]), ("fdatasync", [.kill, .io, .interrupted]), ("fsync", [.kill, .io]),
        ("rename", [.kill, .io, .full]), ("openat", [.kill, .io, .full]), ("ftruncate", [.kill, .io]), ("unlink", [.kill, .io]),
        ("pread64", [.kill, .io, .interrupted]), ("mmap", [.kill]), ("msync", [.kill, .io]), ("mkdir", [.kill, .io, .full]),
    ]

    let log: String

    /// Why there can be none here; `nil` where it can trace a process.
    static func obstacle(in directory: String) -> String? {
        guard System.path(of: "strace") != nil else { return "there is no strace: install it (apt-get install strace)" }
        do {
            try System.run("strace", ["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "/bin/true"], in: directory)
            return nil
        } catch { return "ptrace is not permitted here: \(error)" }
    }

    /// What becomes the server.
    func command(_ injection: Injection?) -> [String] {
        let calls = injection.map { [$0.call] } ?? Self.faults.map(\.call)
        var command = [System.path(of: "strace")!, "-D", "-f", "-qq", "-y", "-ttt", "--seccomp-bpf", "-o", log]
        command += ["-e", "trace=\(calls.joined(separator: ","))", "-e", "signal=none"]
        if let injection { command += ["-e", "inject=\(injection.call):\(injection.fault.rawValue):when=\(injection.number)"] }
        return command
    }

    private var lines: [Substring] {
        ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n")
    }

    /// How many calls of each kind the thread that made most of them made.
    func counts() -> [String: Int] {
        var counts: [String: [Substring: Int]] = [:]
        for line in lines {
            // PID TIME call(…
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let end = words[2].firstIndex(of: "(") else { continue }
            counts[String(words[2][..<end]), default: [:]][words[0], default: 0] += 1
        }
        return counts.mapValues { $0.values.max() ?? 0 }
    }

    /// Whether the server met the fault.
    func wasHit(_ injection: Injection, _ server: Child) -> Bool {
        injection.fault == .kill ? server.wait(seconds: 0) == .signal(9) : lines.contains { $0.hasSuffix("(INJECTED)") }
    }

    /// When a sync of a log segment failed first, in seconds since 1970.
    func failedLogSync() -> Double? {
        var files: [Substring: Substring] = [:]
        for line in lines {
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3 else { continue }
            // A call that another thread's line interrupts names its file where it begins.
            if !words[2].hasPrefix("<...") { files[words[0]] = words[2] }
            guard line.hasSuffix("(INJECTED)"), files[words[0]]?.contains("/log/segment-") == true else { continue }
            return Double(words[1])
        }
        return nil
    }
}
