internal import FeatureModel

/// Which trace a request belongs to, as W3C's `traceparent` says it: `00-TRACE-PARENT-FLAGS`, in lower-case hexadecimal.
///
/// *Source*: W3C Trace Context, https://www.w3.org/TR/trace-context/.
public struct TraceContext: Hashable, Sendable {
    /// The name of the header, and the key in a frame's extension.
    public static let key = "traceparent"
    private static let byteCount = 55

    /// The two halves of the trace's id; not both zero.
    public let traceHigh: UInt64
    public let traceLow: UInt64
    /// The caller's span; not zero.
    public let parentID: UInt64
    public let flags: UInt8

    /// Whether the caller records its span, so that ours is wanted too.
    public var isSampled: Bool { flags & 1 != 0 }

    /// Reads the text; `nil` where it is none, which the specification wants to be passed over. Of a version after 00 what is
    /// known is read.
    public init?(_ text: some Collection<UInt8>) {
        guard text.count >= Self.byteCount, text.count <= 512 else { return nil }
        let bytes = Array(text)
        let dash = UInt8(ascii: "-")
        guard bytes[2] == dash, bytes[35] == dash, bytes[52] == dash,
            let version = Self.number(bytes[0..<2]), version != 0xFF,
            let high = Self.number(bytes[3..<19]), let low = Self.number(bytes[19..<35]),
            let parent = Self.number(bytes[36..<52]), let flags = Self.number(bytes[53..<55]),
            high | low != 0, parent != 0
        else { return nil }
        guard bytes.count == Self.byteCount || version > 0 && bytes[Self.byteCount] == dash else { return nil }
        (traceHigh, traceLow, parentID, self.flags) = (high, low, parent, UInt8(flags))
    }

    public init?(_ text: String) { self.init(text.utf8) }

    /// What a frame's extension says; `nil` where it says nothing, or nothing that can be read.
    public init?(extension bytes: ArraySlice<UInt8>) {
        guard !bytes.isEmpty, let text = FrameExtension.value(of: Self.key, in: bytes) else { return nil }
        self.init(text)
    }

    /// 32 hexadecimal digits.
    public var traceID: String { Self.text(traceHigh) + Self.text(traceLow) }

    /// The text of version 00.
    public var text: String { "00-\(traceID)-\(Self.text(parentID))-\(flags.zeroPadded(to: 2, radix: 16))" }

    /// The extension of a frame that says it.
    public var extensionBytes: [UInt8] { FrameExtension.entry(Self.key, text) }

    /// 16 hexadecimal digits.
    public static func text(_ number: UInt64) -> String { number.zeroPadded(to: 16, radix: 16) }

    /// Of lower-case digits alone.
    private static func number(_ digits: ArraySlice<UInt8>) -> UInt64? {
        var number: UInt64 = 0
        for digit in digits {
            switch digit {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): number = number << 4 | UInt64(digit - UInt8(ascii: "0"))
            case UInt8(ascii: "a")...UInt8(ascii: "f"): number = number << 4 | UInt64(digit - UInt8(ascii: "a") + 10)
            default: return nil
            }
        }
        return number
    }
}
