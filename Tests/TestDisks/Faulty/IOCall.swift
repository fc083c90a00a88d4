public import FeatureModel
internal import Synchronization

/// What kind of call a storage was asked for.
public enum IOKind: String, Sendable, CaseIterable {
    case createDirectory, list, open, map, mapShared, rename, remove, syncDirectory, lock, freeBytes
    case size, read, write, sync, truncate
    /// `SharedPage.sync`; loads and stores are not calls.
    case syncPage

    /// Whether the call changes what is on the disk, or what of it is durable.
    public var changesDisk: Bool {
        switch self {
        case .createDirectory, .rename, .remove, .syncDirectory, .write, .sync, .truncate, .syncPage: true
        case .list, .open, .map, .mapShared, .lock, .freeBytes, .size, .read: false
        }
    }
}

/// One call to a storage or to a file of it.
public struct IOCall: Sendable, Hashable, CustomStringConvertible {
    /// From 1, over the whole life of the storage.
    public let number: Int
    public let kind: IOKind
    /// The path asked for; of a rename, the old one.
    public let path: String
    /// Where a read or write starts, the size of a truncation, 0 otherwise.
    public let offset: Int
    /// Bytes of a read or write, 0 otherwise.
    public let count: Int

    public var description: String { "\(number) \(kind.rawValue) \(path)" + (count > 0 ? " \(offset)+\(count)" : "") }
}

/// How one call fails.
public enum Fault: Sendable, Hashable {
    /// Throws this code; nothing is done. After a failed sync no later sync of a `MemoryStorage` file writes the pages
    /// that it covered, as on Linux.
    case error(StatusCode)
    /// Does all of it, then throws this code: the outcome that a caller cannot know.
    case errorAfterwards(StatusCode)
    /// Writes the first `count` bytes, then throws `.unavailable`. For other kinds as `.error(.unavailable)`.
    case shortWrite(count: Int)
    /// Writes the first half, then throws `.resourceExhausted`; for other kinds as `.error(.resourceExhausted)`.
    case diskFull
    /// The process dies before the call: this call and all later ones throw `.unavailable`.
    case crash
    /// The process dies behind the call: it is done in full, then as `.crash`.
    case crashAfterwards
}

/// Which calls fail, and how: a function from the call to its fault.
///
/// A plan is asked once for each call, in their order, from whichever thread makes it.
public struct FaultPlan: Sendable {
    let fault: @Sendable (IOCall) -> Fault?

    public init(_ fault: @escaping @Sendable (IOCall) -> Fault?) { self.fault = fault }

    /// Nothing fails.
    public static let never = FaultPlan { _ in nil }

    /// The call with this number fails, counted from 1 over all kinds.
    public static func at(_ number: Int, _ fault: Fault) -> FaultPlan { FaultPlan { $0.number == number ? fault : nil } }

    /// The call with this number and all later ones fail.
    public static func from(_ number: Int, _ fault: Fault) -> FaultPlan { FaultPlan { $0.number >= number ? fault : nil } }

    /// Every call of this kind fails.
    public static func every(_ kind: IOKind, _ fault: Fault) -> FaultPlan { FaultPlan { $0.kind == kind ? fault : nil } }

    /// The calls of this kind from the `number`th (from 1) to that of the `last`th fail; one call unless `last` is given.
    public static func at(_ number: Int, ofKind kind: IOKind, through last: Int? = nil, _ fault: Fault) -> FaultPlan {
        let seen = CallCounter()
        return FaultPlan { call in
            guard call.kind == kind else { return nil }
            return (number...(last ?? number)).contains(seen.next()) ? fault : nil
        }
    }
}

private final class CallCounter: Sendable {
    private let count = Atomic<Int>(0)

    func next() -> Int { count.add(1, ordering: .relaxed).newValue }
}
