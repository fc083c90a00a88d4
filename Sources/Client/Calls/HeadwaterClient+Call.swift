import FeatureModel
import Transport
import Wire

extension HeadwaterClient {
    /// What happens to a call whose connection is lost.
    enum Retry {
        /// The call changes something: its caller decides.
        case never
        /// A read: once more, over a new connection.
        case once
    }

    /// Makes one call to a server of `role`.
    ///
    /// - Parameter deadline: `nil` for work that takes as long as it takes.
    func call<Answer: Head>(
        _ method: Wire.Method, to role: ServerRole?, _ head: some Head, body: ArraySlice<UInt8> = [], deadline: Duration?,
        retry: Retry, answer: Answer.Type = Answer.self
    ) async throws(HeadwaterError) -> (head: Answer, body: ArraySlice<UInt8>) {
        let transport = try await connections.connection(to: role)
        do {
            return try await transport.call(method, head, body: body, deadline: deadline)
        } catch  where retry == .once && error.code == .unavailable {
            let again = try await connections.connection(to: role)
            return try await again.call(method, head, body: body, deadline: deadline)
        }
    }

    /// The log that a position is of, for requests that name one.
    func logID(for minPosition: Position) -> [UInt8] { minPosition == 0 ? [] : logID }
}
