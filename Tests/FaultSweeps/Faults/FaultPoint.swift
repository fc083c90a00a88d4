import FeatureModel
import StorageIO
import TestDisks

/// What a life is doing while a call is made.
enum Stage: String, CaseIterable, Sendable {
    case create, define, session, write, roll, prepare, flush, snapshot, evolve, cutoff, compact, checkpoint, stop
    case restart
    case recoveryAfterKill = "recovery after kill"
    case recoveryAfterPowerCut = "recovery after power cut"
    case retry, read
}

/// What had reached the disk of all that nobody synced when the power failed.
enum Survivors: Hashable, Sendable {
    case nothing, sectors, names, everything
    case random(UInt64)

    var text: String {
        switch self {
        case .nothing: "nothing"
        case .sectors: "sectors"
        case .names: "names"
        case .everything: "everything"
        case .random(let seed): "random-\(seed)"
        }
    }

    func crash(_ disk: MemoryStorage) -> MemoryStorage {
        switch self {
        case .nothing: disk.crash(seed: 0, sectors: .lost, directoryChanges: .lost)
        case .sectors: disk.crash(seed: 0, sectors: .kept, directoryChanges: .lost)
        case .names: disk.crash(seed: 0, sectors: .lost, directoryChanges: .kept)
        case .everything: disk.crash(seed: 0, sectors: .kept, directoryChanges: .kept)
        case .random(let seed): disk.crash(seed: seed, sectors: .random, directoryChanges: .random)
        }
    }
}

/// How one call of a life goes wrong.
enum SweptFault: Hashable, Sendable {
    case error
    case errorAfterwards
    case diskFull
    /// Only some of the bytes are written: the first, half, or all but the last.
    case short(Part)
    case kill
    case killAfterwards
    case powerCut(Survivors)
    case powerCutAfterwards(Survivors)
    /// Every call from here on that needs room fails, until the process has done all its steps.
    case fullFrom

    enum Part: String, Sendable {
        case first, half
        case allButLast = "all-but-last"
    }

    var name: String {
        switch self {
        case .error: "EIO"
        case .errorAfterwards: "EIO afterwards"
        case .diskFull: "ENOSPC"
        case .short: "short write"
        case .kill: "kill"
        case .killAfterwards: "kill afterwards"
        case .powerCut: "power cut"
        case .powerCutAfterwards: "power cut afterwards"
        case .fullFrom: "ENOSPC from here on"
        }
    }

    var text: String {
        switch self {
        case .short(let part): "short-\(part.rawValue)"
        case .powerCut(let survivors): "power-cut-keeping-\(survivors.text)"
        case .powerCutAfterwards(let survivors): "power-cut-afterwards-keeping-\(survivors.text)"
        default: name.lowercased().replacing(" ", with: "-")
        }
    }

    /// The fault as the storage makes it.
    func fault(_ call: IOCall) -> Fault? {
        switch self {
        case .error: .error(.unavailable)
        case .errorAfterwards: .errorAfterwards(.unavailable)
        case .diskFull: .diskFull
        case .short(.first): .shortWrite(count: 1)
        case .short(.half): .shortWrite(count: call.count / 2)
        case .short(.allButLast): .shortWrite(count: max(call.count - 1, 0))
        case .kill, .powerCut: .crash
        case .killAfterwards, .powerCutAfterwards: .crashAfterwards
        case .fullFrom: call.kind.needsRoom ? .diskFull : nil
        }
    }

    /// The disk as the next process finds it, where the fault ends the process.
    func disk(after old: MemoryStorage) -> MemoryStorage {
        switch self {
        case .powerCut(let survivors), .powerCutAfterwards(let survivors): survivors.crash(old)
        default: old.kill()
        }
    }

    /// Every fault that a call of this kind can meet.
    static func all(_ kind: IOKind) -> [SweptFault] {
        var faults: [SweptFault] = [.error, .kill]
        if kind.needsRoom { faults += [.diskFull, .fullFrom] }
        if kind == .write { faults += [.short(.first), .short(.half), .short(.allButLast)] }
        guard kind.changesDisk else { return faults }
        faults += [.errorAfterwards, .killAfterwards]
        faults += [.nothing, .sectors, .names, .everything, .random(1), .random(2)].map { .powerCut($0) }
        return faults + [.nothing, .random(3)].map { .powerCutAfterwards($0) }
    }
}

extension IOKind {
    /// Whether a full disk can refuse the call. A sync too: file systems may find the room only then.
    var needsRoom: Bool {
        switch self {
        case .createDirectory, .open, .rename, .lock, .freeBytes, .write, .sync: true
        default: false
        }
    }

    var isSync: Bool { self == .sync || self == .syncPage || self == .syncDirectory }
}

/// Where a fault strikes: a call of one of a life's processes, both counted from the first.
struct FaultPoint: Hashable, Sendable {
    let process: Int
    let call: Int
    let fault: SweptFault

    var text: String { "process \(process) call \(call) \(fault.text)" }
}

/// A disk that fills up before a step of one of a life's processes, and has room again when they are over.
struct FullDisk: Hashable, Sendable {
    let process: Int
    let step: Int
    /// Bytes that are left.
    let slackBytes: Int
    /// Whether the process is killed and started again while the disk is full.
    let restarts: Bool

    var name: String { restarts ? "full disk, restart" : "full disk" }
    var text: String { "process \(process) step \(step) full but for \(slackBytes)\(restarts ? ", restarted" : "")" }
}
