package import FeatureModel

/// The protobuf head of a frame: a message of `Protos/headwater.proto` as a plain Swift value.
///
/// `make protos` writes the structs in `Generated`; what they are made from stands here, in extensions.
package protocol Head: Hashable, Sendable {
    /// A head with every field absent.
    init()

    /// The head's bytes.
    ///
    /// - Complexity: O(bytes).
    func encode() -> [UInt8]

    /// Decodes and checks a head.
    ///
    /// - Throws: `.invalidArgument` for what is no such message or holds text that is not UTF-8, `.resourceExhausted` where
    ///   it would take more than `memoryBytesMax`.
    init(decoding bytes: ArraySlice<UInt8>, memoryBytesMax: Int) throws(HeadwaterError)
}

extension Head {
    /// Decodes and checks a head that may take as much memory as any.
    package init(decoding bytes: ArraySlice<UInt8>) throws(HeadwaterError) {
        try self.init(decoding: bytes, memoryBytesMax: WireLimits.headMemoryBytesMax)
    }

    /// A head filled in place: `PrepareRequest.with { $0.project = "flights" }`.
    package static func with(_ fill: (inout Self) -> Void) -> Self {
        var head = Self()
        fill(&head)
        return head
    }
}
