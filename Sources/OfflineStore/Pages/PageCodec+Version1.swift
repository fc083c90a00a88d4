internal import FeatureModel

extension PageCodec {
    /// Decodes a raw page as version 1 of the format wrote it: five lengths, then the five buffers, some of them as differences.
    ///
    /// - Throws: `.dataLoss` without a location.
    static func columnOfVersion1(
        _ raw: RawSpan, entry: PageEntry, encoding: PageEncoding, type: FeatureType
    ) throws(HeadwaterError) -> Column {
        let lengthsBytes = 20
        guard raw.byteCount >= lengthsBytes else { throw HeadwaterError(.dataLoss, "a page without its lengths") }
        var at = lengthsBytes
        var buffers: [[UInt8]] = []
        for index in 0..<5 {
            let length = Int(raw.littleEndian(at: index * 4, as: UInt32.self))
            guard length <= raw.byteCount - at else { throw HeadwaterError(.dataLoss, "a buffer leaves its page") }
            let buffer = unsafe raw.extracting(at..<at + length).withUnsafeBytes { unsafe Array($0) }
            buffers.append(try encoding == .delta ? sums(of: buffer, index: index, type: type) : buffer)
            at += length
        }
        guard at == raw.byteCount else { throw HeadwaterError(.dataLoss, "a page holds more than its buffers") }
        return try Column.checked(
            type: type, count: entry.cellCount, nullCount: entry.nullCount, validity: buffers[0][...], offsets: buffers[1][...],
            elementValidity: buffers[2][...], elementOffsets: buffers[3][...], data: buffers[4][...])
    }

    private static func sums(of buffer: [UInt8], index: Int, type: FeatureType) throws(HeadwaterError) -> [UInt8] {
        switch index {
        case 1, 3: try sums(of: buffer, width: 4)
        case 4 where type == .int64 || type == .timestamp: try sums(of: buffer, width: 8)
        default: buffer
        }
    }

    private static func sums(of buffer: [UInt8], width: Int) throws(HeadwaterError) -> [UInt8] {
        guard buffer.count % width == 0 else { throw HeadwaterError(.dataLoss, "a buffer of differences is cut") }
        var words = buffer[...].integers(width: width)
        var sum: Int64 = 0
        for index in words.indices {
            sum &+= words[index]
            words[index] = sum
        }
        return [UInt8](words: words, width: width)
    }
}
