import Foundation
import ProcessSupport

/// One fault in one system call of a server, by strace.
struct Injection: Hashable, CustomStringConvertible, Sendable {
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
    /// In the first start of a store and the work that follows, or in a later one.
    let isFirstStart: Bool

    /// Whether the server only makes the call again: then one life can meet many of them. An interrupted sync is final.
    var isHarmless: Bool { fault == .interrupted && call != "fdatasync" }

    var description: String { "\(fault.rawValue) at \(call) \(number)\(isFirstStart ? " of a first start" : "")" }
}

/// What one life of a server is to meet.
struct InjectionPlan: Sendable {
    /// Every so many calls of one kind, from a number on, are interrupted.
    struct Interruptions: Sendable {
        let call: String
        let first: Int
        /// At least 2: a call that is made again gets through.
        let step: Int
    }

    var point: Injection?
    var interruptions: [Interruptions] = []

    var calls: [String] { (point.map { [$0.call] } ?? []) + interruptions.map(\.call) }

    /// Options of strace; it keeps one fault for each call.
    var options: [String] {
        var all = interruptions.map { "\($0.call):\(Injection.Fault.interrupted.rawValue):when=\($0.first)+\($0.step)" }
        if let point { all.append("\(point.call):\(point.fault.rawValue):when=\(point.number)") }
        return all.flatMap { ["-e", "inject=\($0)"] }
    }
}

/// Traces and faults of a server. strace stands beside it (`-D`), so that the server is our own child.
struct Strace {
    /// Every call by which a server changes a file, or learns what is in one.
    static let faults: [(call: String, faults: [Injection.Fault])] = [
        ("pwrite64", [.kill, .io, .full, .interrupted]), ("fdatasync", [.kill, .io, .interrupted]),
        ("fsync", [.kill, .io, .interrupted]), ("rename", [.kill, .io, .full, .interrupted]), ("openat", [.kill, .io, .full]),
        ("ftruncate", [.kill, .io, .interrupted]), ("unlink", [.kill, .io, .interrupted]),
        ("pread64", [.kill, .io, .interrupted]),
        ("mmap", [.kill]), ("msync", [.kill, .io, .interrupted]), ("mkdir", [.kill, .io, .full, .interrupted]),
    ]

    /// One call of a thread, as it stands in the trace.
    struct Call {
        let thread: Substring
        let name: String
        /// From 1, among the calls of this name by this thread.
        let number: Int
        /// From its name to the end of the line on which it begins.
        let text: Substring
        var wasInjected = false
        /// When it ended, in seconds since 1970.
        var time: Double
    }

    let log: String

    /// Why there can be none here; `nil` where it can trace a process.
    static func obstacle(in directory: String) -> String? {
        guard System.path(of: "strace") != nil else { return "there is no strace: install it (apt-get install strace)" }
        do {
            try System.run("strace", ["-D", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fsync", "/bin/true"], in: directory)
            return nil
        } catch { return "ptrace is not permitted here: \(error)" }
    }

    /// What becomes the server; without a plan every call is traced.
    func command(_ plan: InjectionPlan?) -> [String] {
        let calls = plan?.calls ?? Self.faults.map(\.call)
        var command = [System.path(of: "strace")!, "-D", "-f", "-qq", "-y", "-ttt", "-o", log]
        // Quicker; but a filter's stop is no place where strace sends a signal.
        if plan?.point?.fault != .kill { command.append("--seccomp-bpf") }
        command += ["-e", "trace=\(calls.joined(separator: ","))", "-e", "signal=none"]
        return command + (plan?.options ?? [])
    }

    /// Everything that was traced so far, in the order in which calls began.
    func calls() -> [Call] {
        var calls: [Call] = []
        var counts: [Substring: [String: Int]] = [:]
        var lastOfThread: [Substring: Int] = [:]
        for line in ((try? String(contentsOfFile: log, encoding: .utf8)) ?? "").split(separator: "\n") {
            // PID TIME call(…
            let words = line.split(separator: " ", maxSplits: 2)
            guard words.count == 3, let time = Double(words[1]) else { continue }
            let wasInjected = line.hasSuffix("(INJECTED)")
            // A call that another thread's line interrupts ends on a line of its own.
            if words[2].hasPrefix("<...") {
                guard let index = lastOfThread[words[0]] else { continue }
                calls[index].wasInjected = wasInjected
                calls[index].time = time
                continue
            }
            guard let end = words[2].firstIndex(of: "("), !words[2].hasPrefix("+++") else { continue }
            let name = String(words[2][..<end])
            counts[words[0], default: [:]][name, default: 0] += 1
            lastOfThread[words[0]] = calls.count
            calls.append(
                Call(
                    thread: words[0], name: name, number: counts[words[0]]![name]!, text: words[2], wasInjected: wasInjected,
                    time: time))
        }
        return calls
    }

    /// Whether the server met the fault.
    func wasHit(_ point: Injection, _ server: Child) -> Bool {
        point.fault == .kill
            ? server.wait(seconds: 0) == .signal(9) : calls().contains { $0.wasInjected && $0.name == point.call }
    }

    /// Whether a fault struck the runtime's own look at its threads: libdispatch traps when /proc/…/stat cannot be opened, which
    /// the kernel never refuses to the process itself. Such an end says nothing about the server.
    func struckTheRuntime() -> Bool {
        calls().contains { $0.wasInjected && $0.name == "openat" && $0.text.contains("\"/proc/") && $0.text.contains("/stat\"") }
    }

    /// When a sync of a log segment failed first, in seconds since 1970.
    func failedLogSync() -> Double? {
        calls().first { $0.wasInjected && $0.name == "fdatasync" && $0.text.contains("/log/segment-") }?.time
    }
}
