public import FeatureModel

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The wall clock of the machine.
public struct SystemClock: WallClock {
    public init() {}

    // A Double holds this century's microseconds to a quarter of one.
    public func now() -> Microseconds { Microseconds(Date().timeIntervalSince1970 * 1_000_000) }
}
