public import FeatureModel
import Foundation

/// The system's clock.
public struct SystemWallClock: WallClock {
    public init() {}

    public func now() -> Microseconds { Microseconds((Date().timeIntervalSince1970 * 1e6).rounded()) }
}
