public import FeatureModel
public import StorageIO
internal import Synchronization

/// A storage that fails where a test says, and writes down every call.
///
/// To sweep: run once with `.never`, read `callCount`, then run again with `.at(n, fault)` for each n.
/// Calls to `exists` cannot fail and are not counted, `close` and `release` neither.
public final class FaultyStorage: Storage {
    private struct State {
        var plan: FaultPlan
        var calls: [IOCall] = []
        var isCrashed = false
    }

    private let base: any Storage
    private let state: Mutex<State>

    public init(_ base: any Storage, plan: FaultPlan = .never) {
        self.base = base
        state = Mutex(State(plan: plan))
    }

    /// Every call so far, in the order in which they were made.
    public var calls: [IOCall] { state.withLock { $0.calls } }
    public var callCount: Int { state.withLock { $0.calls.count } }
    /// Whether a fault has killed the process that uses this storage.
    public var isCrashed: Bool { state.withLock { $0.isCrashed } }

    /// Follows another plan from now on. Call numbers go on.
    public func setPlan(_ plan: FaultPlan) { state.withLock { $0.plan = plan } }

    public func createDirectory(_ path: String) throws(HeadwaterError) {
        try perform(.createDirectory, path) { () throws(HeadwaterError) in try base.createDirectory(path) }
    }

    public func list(_ directory: String) throws(HeadwaterError) -> [String] {
        try perform(.list, directory) { () throws(HeadwaterError) in try base.list(directory) }
    }

    public func exists(_ path: String) -> Bool { base.exists(path) }

    public func open(_ path: String, _ mode: OpenMode) throws(HeadwaterError) -> any StorageFile {
        try perform(.open, path) { () throws(HeadwaterError) in FaultyFile(try base.open(path, mode), storage: self) }
    }

    public func map(_ path: String) throws(HeadwaterError) -> MappedFile {
        try perform(.map, path) { () throws(HeadwaterError) in try base.map(path) }
    }

    public func mapShared(_ path: String, byteCount: Int, writable: Bool) throws(HeadwaterError) -> SharedPage {
        let page = try perform(.mapShared, path) { () throws(HeadwaterError) in
            try base.mapShared(path, byteCount: byteCount, writable: writable)
        }
        return SharedPage(path: path, byteCount: byteCount, isWritable: writable, words: page.words) {
            () throws(HeadwaterError) in
            try self.perform(.syncPage, path) { () throws(HeadwaterError) in try page.sync() }
        }
    }

    public func rename(_ old: String, to new: String) throws(HeadwaterError) {
        try perform(.rename, old) { () throws(HeadwaterError) in try base.rename(old, to: new) }
    }

    public func remove(_ path: String) throws(HeadwaterError) {
        try perform(.remove, path) { () throws(HeadwaterError) in try base.remove(path) }
    }

    public func syncDirectory(_ path: String) throws(HeadwaterError) {
        try perform(.syncDirectory, path) { () throws(HeadwaterError) in try base.syncDirectory(path) }
    }

    public func lock(_ path: String, exclusive: Bool) throws(HeadwaterError) -> any StorageLock {
        try perform(.lock, path) { () throws(HeadwaterError) in try base.lock(path, exclusive: exclusive) }
    }

    public func freeBytes(_ path: String) throws(HeadwaterError) -> Int {
        try perform(.freeBytes, path) { () throws(HeadwaterError) in try base.freeBytes(path) }
    }

    /// Counts a call, asks the plan, and does the call as far as its fault allows.
    ///
    /// - Parameters:
    ///   - failing: what a call that fails without being done leaves behind.
    ///   - partly: does the first so many bytes of a write.
    func perform<Result>(
        _ kind: IOKind, _ path: String, offset: Int = 0, count: Int = 0,
        failing: () -> Void = {},
        partly: (_ count: Int) throws(HeadwaterError) -> Void = { _ in },
        _ body: () throws(HeadwaterError) -> Result
    ) throws(HeadwaterError) -> Result {
        let (call, fault) = decide(kind, path, offset, count)
        guard let fault else { return try body() }
        switch fault {
        case .error, .crash: failing()
        case .errorAfterwards, .crashAfterwards: _ = try body()
        case .shortWrite(let count): try partly(min(count, call.count))
        case .diskFull: try partly(call.count / 2)
        }
        throw HeadwaterError(fault.code, "injected fault \(fault) at call \(call); nothing to do", at: path)
    }

    private func decide(_ kind: IOKind, _ path: String, _ offset: Int, _ count: Int) -> (IOCall, Fault?) {
        state.withLock { state in
            let call = IOCall(number: state.calls.count + 1, kind: kind, path: path, offset: offset, count: count)
            state.calls.append(call)
            if state.isCrashed { return (call, .crash) }
            let fault = state.plan.fault(call)
            if fault == .crash || fault == .crashAfterwards { state.isCrashed = true }
            return (call, fault)
        }
    }
}

extension Fault {
    /// The code that the failing call throws.
    var code: StatusCode {
        switch self {
        case .error(let code), .errorAfterwards(let code): code
        case .shortWrite, .crash, .crashAfterwards: .unavailable
        case .diskFull: .resourceExhausted
        }
    }
}
