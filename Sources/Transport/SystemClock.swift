public import FeatureModel
internal import CLinux

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// The clocks of the machine.
public struct SystemClock: WallClock {
    private static let boot: BootTime.BootID? = {
        let id = BootTime.BootID(high: linux_boot_id(0), low: linux_boot_id(1))
        return id.high == 0 && id.low == 0 ? nil : id
    }()

    public init() {}

    // A Double holds this century's microseconds to a quarter of one.
    public func now() -> Microseconds { Microseconds(Date().timeIntervalSince1970 * 1_000_000) }

    public func bootTime() -> BootTime? { Self.boot.map { BootTime(boot: $0, elapsed: linux_boot_microseconds()) } }
}
