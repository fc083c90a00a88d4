/// What went wrong, in the one form that every module throws and the wire carries.
///
/// Corruption is `.dataLoss`, a failing disk `.unavailable` or `.resourceExhausted`, a caller's mistake
/// `.invalidArgument` and its kin. Misuse by our own code traps instead.
public struct HeadwaterError: Error, Hashable, Sendable, CustomStringConvertible {
    public let code: StatusCode
    /// One sentence that says what is wrong and what to do next.
    public let message: String
    /// Where: `file:offset`, `row 71204, column temp`, `features.yaml:12`.
    public let location: String?

    public init(_ code: StatusCode, _ message: String, at location: String? = nil) {
        self.code = code
        self.message = message
        self.location = location
    }

    /// The same error, placed; a location that it already has stays, behind the new one.
    public func located(at outer: String) -> HeadwaterError {
        HeadwaterError(code, message, at: location.map { "\(outer): \($0)" } ?? outer)
    }

    public var description: String {
        location.map { "\(code.name): \($0): \(message)" } ?? "\(code.name): \(message)"
    }
}
