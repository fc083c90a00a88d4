package import FeatureModel

/// Another way into a server than its own protocol, on threads of its own.
///
/// It opens before the stores do, so that a start that replays for minutes can be looked at, and closes before the server's own
/// listener: what it asks of the server is still answered then.
package protocol Door: Sendable {
    /// File descriptors that it may have open, which are no one else's then.
    var descriptorsMax: Int { get }

    /// Begins to listen. There is nothing to be asked yet.
    ///
    /// - Returns: the addresses, with the ports that the system chose, as others can use them.
    /// - Throws: why it cannot: an address in use, or one beyond this machine.
    func open() async throws(HeadwaterError) -> [String]

    /// The stores are open.
    func serve(_ view: ServerView)

    /// Takes no new requests, and returns when running ones have ended, or the time is over. A second call returns at once.
    ///
    /// A door that was not opened, or could not be, may be closed too.
    func close(within limit: Duration) async
}
