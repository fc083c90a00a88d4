package import FeatureModel
internal import Glibc

/// Why nobody can listen at an address, and what to do.
package enum ListeningFailure {
    /// - Parameters:
    ///   - code: errno of the call that was refused.
    ///   - purpose: such as " for HTTP".
    /// - Returns: `nil` for an errno that asks for nothing in particular.
    package static func error(_ code: Int32, on endpoint: Endpoint, for purpose: String = "") -> HeadwaterError? {
        func failure(_ status: StatusCode, _ advice: String) -> HeadwaterError {
            HeadwaterError(status, "listening on \(endpoint)\(purpose) failed: \(advice)")
        }
        switch (code, endpoint) {
        case (ENOENT, .unix(let path)), (ENOTDIR, .unix(let path)):
            let directory = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
            return failure(.notFound, "there is no directory '\(directory)': make it, or use another path")
        case (EACCES, .unix), (EROFS, .unix):
            return failure(.permissionDenied, "this user may not make a socket there: use another path")
        case (EACCES, .tcp(_, let port)):
            return failure(.permissionDenied, "this user may not use port \(port): take one from 1024 on")
        case (EADDRNOTAVAIL, .tcp):
            return failure(.failedPrecondition, "this machine has no such address: 'ip address' lists those that it has")
        default: return nil
        }
    }
}
