import FeatureModel

/// Other content with the same checksum and another length: what tells a sequence's two uses apart is then the length alone.
enum ForgedBody {
    private static let marker: [UInt8] = [0xA5, 0x5A, 0xC3, 0x3C]

    /// The row that takes four bytes of our choice, in a group of which no schema step changes the column.
    private static func entries(client: Int, number: Int, wall: Microseconds, choice: [UInt8]) -> [WrittenEntry] {
        let row: [Value] = [.string("tag0"), .int32(0), .timestamp(wall), .float32(1), .bool(true), .bytes(ByteString(choice))]
        let ledger: [Value] = [.int64(Int64(client)), .int64(Int64(number)), .int32(1)]
        return [
            WrittenEntry(
                schema: Workload.schema(Workload.events, step: 0), operation: .write, ordinals: Array(0...5), rows: [row]),
            WrittenEntry(
                schema: Workload.schema(Workload.ledger, step: 0), operation: .write, ordinals: [0, 1, 2], rows: [ledger]),
        ]
    }

    /// Entries whose body has the checksum of `body`; `nil` where the lengths are equal, so that nothing could tell them apart.
    static func entries(like body: [UInt8], client: Int, number: Int, wall: Microseconds) -> [WrittenEntry]? {
        var forged = RecordBody.encode(
            entries(client: client, number: number, wall: wall, choice: marker).map(\.encoded),
            isCompact: Write.isCompact(number))
        guard forged.count != body.count, let place = forged.indices.first(where: { forged[$0...].starts(with: marker) }) else {
            return nil
        }
        func checksum(_ choice: UInt32) -> UInt32 {
            forged.store(littleEndian: choice, at: place)
            return CRC32C.checksum(forged[...])
        }
        // A checksum is linear: each bit of the choice changes it by a fixed pattern, whatever the others are.
        let base = checksum(0)
        var missing = CRC32C.checksum(body[...]) ^ base
        var choice: UInt32 = 0
        // By highest bit, patterns and the bits of the choice that make them.
        var basis: [(pattern: UInt32, bits: UInt32)?] = Array(repeating: nil, count: 32)
        for bit in 0..<32 {
            var (pattern, bits) = (checksum(1 << UInt32(bit)) ^ base, UInt32(1) << UInt32(bit))
            while pattern != 0 {
                let top = 31 - pattern.leadingZeroBitCount
                guard let known = basis[top] else {
                    basis[top] = (pattern, bits)
                    break
                }
                pattern ^= known.pattern
                bits ^= known.bits
            }
        }
        while missing != 0 {
            guard let known = basis[31 - missing.leadingZeroBitCount] else { return nil }
            missing ^= known.pattern
            choice ^= known.bits
        }
        var bytes: [UInt8] = []
        bytes.append(littleEndian: choice)
        return entries(client: client, number: number, wall: wall, choice: bytes)
    }
}
