import FeatureModel
import TestSupport
import Testing

@testable import Wire

@Suite struct FrameTests {
    func decode(_ bytes: [UInt8], limit: Int = 1 << 20) throws -> [Frame] {
        var decoder = FrameDecoder()
        decoder.frameBytesMax = limit
        decoder.receive(bytes[...])
        var frames: [Frame] = []
        while let frame = try decoder.next() { frames.append(frame) }
        return frames
    }

    func sample() -> EncodedFrame {
        var header = FrameHeader(.request, method: .prepare, requestID: 77)
        header.budgetMilliseconds = 250
        header.isEnd = true
        return FrameEncoder.encode(header, head: [1, 2, 3], extensionBytes: [4, 5], body: [6, 7, 8, 9])
    }

    @Test func theLayoutIsTheDocumentedOne() {
        let bytes = sample().bytes
        #expect(Array(bytes.prefix(4)) == Array("HWF1".utf8))
        #expect(bytes[4] == 1 && bytes[5] == 1)
        #expect(bytes[...].littleEndian(at: 6, as: UInt16.self) == 8)
        #expect(bytes[...].littleEndian(at: 8, as: UInt64.self) == 77)
        #expect(bytes[...].littleEndian(at: 16, as: UInt32.self) == 3)
        #expect(bytes[...].littleEndian(at: 20, as: UInt32.self) == 2)
        #expect(bytes[...].littleEndian(at: 24, as: UInt32.self) == 4)
        #expect(bytes[...].littleEndian(at: 28, as: UInt32.self) == 250)
        #expect(bytes[...].littleEndian(at: 34, as: UInt16.self) == 1)
        var zeroed = bytes
        zeroed.store(littleEndian: UInt32(0), at: 44)
        #expect(bytes[...].littleEndian(at: 44, as: UInt32.self) == CRC32C.checksum(zeroed))
        #expect(bytes.count == 48 + 9)
    }

    @Test(arguments: [1, 2, 3] as [UInt64]) func randomFramesRoundTripInAnyPieces(seed: UInt64) throws {
        var random = SplitMix64(seed: seed)
        var sent: [EncodedFrame] = []
        for _ in 0..<300 {
            var header = FrameHeader(FrameKind.allCases.randomElement(using: &random)!)
            header.methodCode = .random(in: 0...400, using: &random)
            header.requestID = .random(in: 0...UInt64.max, using: &random)
            header.status = StatusCode.allCases.randomElement(using: &random)!
            header.isEnd = .random(using: &random)
            header.creditBytes = .random(in: 0...UInt32.max, using: &random)
            header.budgetMilliseconds = .random(in: 0...UInt32.max, using: &random)
            let parts = header.kind.isBare ? [0, 0, 0] : (0..<3).map { _ in Int.random(in: 0...300, using: &random) }
            sent.append(
                FrameEncoder.encode(
                    header, head: random.bytes(parts[0]), extensionBytes: random.bytes(parts[1]),
                    body: random.bytes(parts[2])[...]))
        }
        let bytes = sent.flatMap(\.bytes)
        var decoder = FrameDecoder()
        var received: [Frame] = []
        var position = 0
        while position < bytes.count {
            let count = min(Int.random(in: 1...900, using: &random), bytes.count - position)
            decoder.receive(bytes[position..<position + count])
            while let frame = try decoder.next() { received.append(frame) }
            position += count
        }
        #expect(received.map(\.header) == sent.map(\.header), "seed \(seed)")
        #expect(
            zip(received, sent).allSatisfy {
                $0.body.elementsEqual($1.body) && $0.head.elementsEqual($1.prefix[48..<48 + $0.head.count])
            })
        #expect(!decoder.isInsideFrame)
    }

    @Test func everySplitPointGivesTheSameFrames() throws {
        let bytes = sample().bytes + FrameEncoder.encode(FrameHeader(.ping, requestID: 5)).bytes + sample().bytes
        for split in 0...bytes.count {
            var decoder = FrameDecoder()
            var frames: [Frame] = []
            for piece in [bytes[..<split], bytes[split...]] {
                decoder.receive(piece)
                while let frame = try decoder.next() { frames.append(frame) }
            }
            #expect(frames.count == 3 && frames[0].body.elementsEqual([6, 7, 8, 9]) && frames[2].head.elementsEqual([1, 2, 3]))
            #expect(!decoder.isInsideFrame)
        }
    }

    @Test func bytesOneByOneGiveTheSameFrames() throws {
        let bytes = sample().bytes + sample().bytes
        var decoder = FrameDecoder()
        var count = 0
        for byte in bytes {
            decoder.receive([byte])
            while let frame = try decoder.next() {
                count += 1
                #expect(frame.extensionBytes.elementsEqual([4, 5]))
            }
        }
        #expect(count == 2)
    }

    @Test func aFlippedBitIsNeverADifferentFrame() {
        let bytes = sample().bytes
        var refused = 0
        var waiting = 0
        for bit in 0..<bytes.count * 8 {
            var flipped = bytes
            flipped[bit / 8] ^= 1 << UInt8(bit % 8)
            do {
                // A longer length waits for bytes that never come; a frame that does come out is damage let through.
                let frames = try decode(flipped)
                #expect(frames.isEmpty, "bit \(bit)")
                waiting += 1
            } catch { refused += 1 }
        }
        #expect(refused + waiting == bytes.count * 8 && waiting < 64)
    }

    @Test func aFrameAtTheLimitPassesAndOneByteMoreDoesNot() throws {
        let limit = 64 << 10
        func frame(_ total: Int) -> EncodedFrame {
            FrameEncoder.encode(FrameHeader(.response), body: Array(repeating: 1, count: total - 48)[...])
        }
        #expect(try decode(frame(limit).bytes, limit: limit).count == 1)
        #expect(try decode(frame(limit - 1).bytes, limit: limit).count == 1)
        let error = #expect(throws: HeadwaterError.self) { try decode(frame(limit + 1).bytes, limit: limit) }
        #expect(error?.code == .resourceExhausted)
        // The header alone is enough to refuse it: nothing waits for the rest.
        #expect(throws: HeadwaterError.self) { try decode(Array(frame(limit + 1).bytes.prefix(48)), limit: limit) }
    }

    @Test func headAndExtensionHaveTheirOwnLimits() throws {
        func header(head: UInt32, ext: UInt32) -> [UInt8] {
            var bytes = FrameEncoder.encode(FrameHeader(.response)).bytes
            bytes.store(littleEndian: head, at: 16)
            bytes.store(littleEndian: ext, at: 20)
            return bytes
        }
        #expect(try decode(header(head: 1 << 20, ext: 0), limit: 1 << 30).isEmpty)
        #expect(throws: HeadwaterError.self) { try decode(header(head: 1 << 20 + 1, ext: 0), limit: 1 << 30) }
        #expect(try decode(header(head: 0, ext: 64 << 10), limit: 1 << 30).isEmpty)
        #expect(throws: HeadwaterError.self) { try decode(header(head: 0, ext: 64 << 10 + 1), limit: 1 << 30) }
        #expect(throws: HeadwaterError.self) { try decode(header(head: .max, ext: .max), limit: 1 << 30) }
    }

    @Test func garbageIsRefusedAtItsFirstFourBytes() {
        #expect(throws: HeadwaterError.self) { try decode(Array("GET /".utf8)) }
        #expect(throws: HeadwaterError.self) { try decode([0, 0, 0, 0]) }
    }

    @Test func anotherVersionIsUnimplemented() {
        var bytes = sample().bytes
        bytes[4] = 2
        let error = #expect(throws: HeadwaterError.self) { try decode(bytes) }
        #expect(error?.code == .unimplemented)
    }
}
