/// Bytes compared as bytes: what keys, names and string cells are.
///
/// Swift's `String` holds composed and decomposed é equal; a feature store must not.
public struct ByteString: Hashable, Sendable, Comparable, ExpressibleByStringLiteral, CustomStringConvertible {
    public var bytes: [UInt8]

    @inlinable
    public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }
    @inlinable
    public init(_ text: String) { bytes = Array(text.utf8) }
    @inlinable
    public init(stringLiteral text: String) { bytes = Array(text.utf8) }

    /// The bytes read as UTF-8, with U+FFFD for what is not.
    public var description: String { String(decoding: bytes, as: UTF8.self) }

    @inlinable
    public static func < (left: ByteString, right: ByteString) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
