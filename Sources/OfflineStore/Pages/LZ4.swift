internal import CLZ4

/// LZ4 blocks: the one place that calls liblz4.
///
/// Input to `decompress` comes from a disk. Callers check its checksum first; even so the output is bounded and its length
/// must be exact.
enum LZ4 {
    /// More bytes than one LZ4 block can take.
    static let inputBytesMax = 0x7E00_0000

    /// One LZ4 block; `nil` where that would not be smaller than `raw`.
    static func compress(_ raw: ArraySlice<UInt8>) -> [UInt8]? {
        guard raw.count > 1, raw.count <= inputBytesMax else { return nil }
        let capacity = raw.count - 1
        // LZ4 writes at most `capacity` bytes, the size of the uninitialized buffer, and returns how many, or 0 where they do
        // not do.
        let stored = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
            let written = unsafe raw.withUnsafeBufferPointer { input in
                unsafe LZ4_compress_default(
                    UnsafeRawPointer(input.baseAddress!).assumingMemoryBound(to: CChar.self),
                    UnsafeMutableRawPointer(output.baseAddress!).assumingMemoryBound(to: CChar.self),
                    CInt(raw.count), CInt(capacity))
            }
            count = Int(max(written, 0))
        }
        return stored.isEmpty ? nil : stored
    }

    /// Decodes one block; `nil` where it does not decode to exactly `rawCount` bytes.
    static func decompress(_ stored: RawSpan, rawCount: Int) -> [UInt8]? {
        // One stored byte gives at most 255 raw ones: bounds the allocation before it is made.
        guard stored.byteCount > 0, rawCount > 0, rawCount <= inputBytesMax, rawCount <= stored.byteCount * 255 + 64 else {
            return nil
        }
        var isExact = false
        // LZ4_decompress_safe reads only the input's bytes and writes at most `rawCount`; the array is used only if all were
        // written.
        let raw = unsafe [UInt8](unsafeUninitializedCapacity: rawCount) { output, count in
            let written = unsafe stored.withUnsafeBytes { input in
                unsafe LZ4_decompress_safe(
                    input.baseAddress!.assumingMemoryBound(to: CChar.self),
                    UnsafeMutableRawPointer(output.baseAddress!).assumingMemoryBound(to: CChar.self),
                    CInt(input.count), CInt(rawCount))
            }
            isExact = Int(written) == rawCount
            count = isExact ? rawCount : 0
        }
        return isExact ? raw : nil
    }
}
