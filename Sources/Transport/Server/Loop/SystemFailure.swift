internal import FeatureModel
internal import Glibc

/// A call that the system refused.
struct SystemFailure: Error {
    let call: String
    /// errno.
    let code: Int32

    /// Takes the errno of the call before this one.
    init(_ call: String) {
        code = errno
        self.call = call
    }

    /// - Parameter what: what could not be done, such as "listening on 127.0.0.1:7070".
    func error(_ what: String) -> HeadwaterError {
        HeadwaterError(.unavailable, "\(what) failed: \(call): \(Self.text(of: code))")
    }

    /// The system's words for an errno.
    static func text(of code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
