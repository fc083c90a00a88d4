public import FeatureModel

/// The error that `body` throws; `nil` where it does not, or where the error is none of the house's.
public func refusal<T>(_ body: () throws -> T) -> HeadwaterError? {
    do {
        _ = try body()
        return nil
    } catch {
        return error as? HeadwaterError
    }
}
