import FeatureModel
import Testing
import TestSupport

@testable import Wire

@Suite struct TraceContextTests {
    private static let good = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"

    @Test func theExampleOfTheSpecificationIsRead() throws {
        let trace = try #require(TraceContext(Self.good))
        #expect(trace.traceID == "0af7651916cd43dd8448eb211c80319c")
        #expect(TraceContext.text(trace.parentID) == "b7ad6b7169203331")
        #expect(trace.isSampled)
        #expect(trace.text == Self.good)
        let unsampled = try #require(TraceContext("00-00000000000000000000000000000001-0000000000000001-00"))
        #expect(!unsampled.isSampled)
        #expect(unsampled.text == "00-00000000000000000000000000000001-0000000000000001-00")
    }

    /// Those of the specification's own test suite, in short.
    @Test(arguments: [
        "", "00", good + "-what-the-future-will-be-like", good + ".", good + "-", String(good.dropLast()),
        "ff" + good.dropFirst(2), ".0" + good.dropFirst(2), "0" + good, "00_" + good.dropFirst(3),
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01", "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01", "00-0af7651916cd43dd8448eb211c80319-b7ad6b7169203331-011",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333-x01", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0G",
        "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what", " " + good,
        "00-ïaf7651916cd43dd8448eb211c80319-b7ad6b7169203331-01",
    ])
    func whatIsMalformedIsPassedOver(text: String) { #expect(TraceContext(text) == nil) }

    @Test(arguments: ["cc" + good.dropFirst(2), "01" + good.dropFirst(2) + "-what-the-future-will-be-like"])
    func ofALaterVersionWhatIsKnownIsRead(text: String) { #expect(TraceContext(text)?.text == Self.good) }

    @Test func anExtensionSaysItAmongOtherThings() throws {
        let trace = try #require(TraceContext(Self.good))
        #expect(TraceContext(extension: []) == nil)
        #expect(TraceContext(extension: trace.extensionBytes[...]) == trace)
        let other = FrameExtension.entry("tracestate", "a=b")
        let empty = FrameExtension.entry("", "")
        #expect(TraceContext(extension: (other + empty + trace.extensionBytes + other)[...]) == trace)
        // A slice, as it is part of a frame.
        #expect(TraceContext(extension: ([9, 9] + trace.extensionBytes + [9])[2...]) == trace)
        let second = FrameExtension.entry("traceparent", "00-00000000000000000000000000000001-0000000000000001-01")
        #expect(TraceContext(extension: (trace.extensionBytes + second)[...]) == trace)
    }

    @Test func hostileExtensionsSayNothing() throws {
        let bytes = try #require(TraceContext(Self.good)).extensionBytes
        for count in 0..<bytes.count { #expect(TraceContext(extension: bytes[..<count]) == nil, "\(count) bytes") }
        #expect(TraceContext(extension: [UInt8](repeating: 0xFF, count: 100)[...]) == nil)
        #expect(TraceContext(extension: [UInt8](repeating: 0, count: 65_536)[...]) == nil)
        #expect(TraceContext(extension: FrameExtension.entry("traceparent", String(repeating: "-", count: 65_000))[...]) == nil)
        var random = SplitMix64(seed: 7)
        for _ in 0..<20_000 {
            var damaged = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                damaged[Int.random(in: damaged.indices, using: &random)] = UInt8.random(in: .min ... .max, using: &random)
            }
            // Whatever it reads, it is a trace.
            if let trace = TraceContext(extension: damaged[...]) { #expect(TraceContext(trace.text) == trace) }
        }
    }
}
