internal import FeatureModel

/// Integers in frames of 1,024, each stored as its distance from a line,
/// in as few bits as the frame needs, so that any one can be read alone.
///
/// Value `j` of a frame is `origin + scale * (base + slope * j + bits[j])`, in wrapping 64-bit arithmetic: `origin` is the least
/// value, `scale` divides the distance of every value from it, and the slope is zero (a frame of reference) or that of a line
/// through the frame's ends, whichever takes fewer bits. Layout: docs/formats/chunk.md.
///
/// *Source*: frame of reference, Goldstein et al., "Compressing Relations and Indexes", ICDE 1998; lines in place of constants as
/// in Liu et al., "LeCo: Lightweight Compression via Learning Serial Correlations", SIGMOD 2024.
enum PackedIntegers {
    static let frameCount = 1_024
    static let headBytes = 16
    static let frameEntryBytes = 24
    /// Zeros behind the last frame, so that eight bytes can be read from wherever a value starts.
    static let tailBytes = 8
    /// Wider values are stored in 64 bits: a value of up to 57 lies within the eight bytes that its first bit is in.
    private static let widthMax = 57

    /// Bytes of the head and the frames' entries for `count` values.
    private static func bitsAt(_ count: Int) -> Int {
        headBytes + (count + frameCount - 1) / frameCount * frameEntryBytes
    }

    // MARK: Encoding

    static func encode(_ values: [Int64]) -> [UInt8] {
        let origin = values.min() ?? 0
        // Distances from the least value fit 64 bits without a sign.
        var distances = values.map { UInt64(bitPattern: $0 &- origin) }
        let scale = commonDivisor(distances)
        if scale > 1 { for index in distances.indices { distances[index] /= scale } }
        var bytes: [UInt8] = []
        let bitsAt = bitsAt(values.count)
        bytes.reserveCapacity(bitsAt + values.count * 4)
        bytes.append(littleEndian: origin)
        bytes.append(littleEndian: scale)
        var bits: [UInt8] = []
        for start in stride(from: 0, to: values.count, by: frameCount) {
            let frame = distances[start..<min(start + frameCount, values.count)]
            let line = Line(fitting: frame)
            bytes.append(littleEndian: line.base)
            bytes.append(littleEndian: line.slope)
            bytes.append(littleEndian: UInt32(bits.count))
            bytes.append(littleEndian: UInt32(line.width))
            appendBits(of: frame, line, to: &bits)
        }
        bytes += bits
        bytes.append(littleEndian: UInt64(0))
        return bytes
    }

    /// The greatest number that divides all; 1 where they are all zero.
    private static func commonDivisor(_ distances: [UInt64]) -> UInt64 {
        var divisor: UInt64 = 0
        for distance in distances {
            if divisor == 1 { return 1 }
            // Euclid; at once done where the divisor so far divides, as it mostly does.
            var (a, b) = (divisor, distance)
            if a != 0, b % a == 0 { continue }
            while b != 0 { (a, b) = (b, a % b) }
            divisor = a
        }
        return max(divisor, 1)
    }

    private struct Line {
        var base: UInt64
        var slope: Int64 = 0
        var width: Int

        init(fitting frame: ArraySlice<UInt64>) {
            var least = UInt64.max
            var greatest = UInt64.min
            for distance in frame {
                least = min(least, distance)
                greatest = max(greatest, distance)
            }
            base = least
            width = Self.width(greatest - least)
            // A line is tried where neither it nor a distance from it can overflow.
            guard width > 0, frame.count > 2, greatest < 1 << 62 else { return }
            let first = Int64(frame.first!)
            let slope = (Int64(frame.last!) - first) / Int64(frame.count - 1)
            if slope == 0 { return }
            var low = Int64.max
            var high = Int64.min
            var onLine: Int64 = 0
            for distance in frame {
                let rest = Int64(distance) - onLine
                low = min(low, rest)
                high = max(high, rest)
                onLine += slope
            }
            let width = Self.width(UInt64(bitPattern: high &- low))
            guard width < self.width else { return }
            (base, self.slope, self.width) = (UInt64(bitPattern: low), slope, width)
        }

        private static func width(_ range: UInt64) -> Int {
            let width = 64 - range.leadingZeroBitCount
            return width > widthMax ? 64 : width
        }
    }

    private static func appendBits(of frame: ArraySlice<UInt64>, _ line: Line, to bits: inout [UInt8]) {
        if line.width == 0 { return }
        let bitCount = frame.count * line.width
        var words: [Int64] = []
        words.reserveCapacity(bitCount / 64 + 1)
        var word: UInt64 = 0
        var used = 0
        var onLine = line.base
        for distance in frame {
            let rest = distance &- onLine
            onLine = onLine &+ UInt64(bitPattern: line.slope)
            word |= rest << UInt64(used)
            used += line.width
            if used >= 64 {
                words.append(Int64(bitPattern: word))
                used -= 64
                word = used == 0 ? 0 : rest >> UInt64(line.width - used)
            }
        }
        words.append(Int64(bitPattern: word))
        bits += [UInt8](words: words, width: 8)[..<((bitCount + 7) / 8)]
    }

    // MARK: Decoding

    /// Checks that `count` values can be read.
    ///
    /// - Throws: `.dataLoss` without a location.
    static func check(_ bytes: RawSpan, count: Int) throws(HeadwaterError) {
        let bitsAt = bitsAt(count)
        guard count >= 0, bytes.byteCount >= bitsAt + tailBytes else {
            throw HeadwaterError(.dataLoss, "packed integers are cut off")
        }
        let bitBytes = bytes.byteCount - bitsAt - tailBytes
        for start in stride(from: 0, to: count, by: frameCount) {
            let entry = headBytes + start / frameCount * frameEntryBytes
            let offset = Int(bytes.littleEndian(at: entry + 16, as: UInt32.self))
            let width = Int(bytes.littleEndian(at: entry + 20, as: UInt32.self))
            guard width <= widthMax || width == 64,
                offset + (width * min(frameCount, count - start) + 7) / 8 <= bitBytes
            else { throw HeadwaterError(.dataLoss, "a frame of packed integers leaves its page") }
        }
    }

    /// Reads values one by one; the bytes have passed `check`.
    struct Reader {
        private let origin: UInt64
        private let scale: UInt64
        private let bitsAt: Int
        private var frame = -1
        private var line: UInt64 = 0
        private var slope: UInt64 = 0
        private var width = 0
        private var mask: UInt64 = 0
        private var frameAt = 0

        init(_ bytes: RawSpan, count: Int) {
            origin = bytes.littleEndian(at: 0)
            scale = bytes.littleEndian(at: 8)
            bitsAt = PackedIntegers.bitsAt(count)
        }

        private mutating func enter(_ frame: Int, _ bytes: RawSpan) {
            let entry = headBytes + frame * frameEntryBytes
            self.frame = frame
            slope = bytes.littleEndian(at: entry + 8)
            line = origin &+ scale &* bytes.littleEndian(at: entry, as: UInt64.self)
            frameAt = bitsAt + Int(bytes.littleEndian(at: entry + 16, as: UInt32.self))
            width = Int(bytes.littleEndian(at: entry + 20, as: UInt32.self))
            mask = width == 64 ? .max : 1 << UInt64(width) - 1
        }

        /// Value number `index`. - Complexity: O(1); quickest where the one before came from the same frame.
        @inline(__always)
        mutating func value(_ index: Int, _ bytes: RawSpan) -> Int64 {
            if index >> 10 != frame { enter(index >> 10, bytes) }
            let place = index & (frameCount - 1)
            let bit = place * width
            let word: UInt64 = bytes.littleEndian(at: frameAt + bit >> 3)
            let rest = word >> UInt64(bit & 7) & mask
            return Int64(bitPattern: line &+ scale &* (slope &* UInt64(place) &+ rest))
        }

        /// Values `0 ..< output.count`.
        mutating func decode(_ bytes: RawSpan, into output: UnsafeMutableBufferPointer<Int64>) {
            var start = 0
            while start < output.count {
                enter(start >> 10, bytes)
                let end = min(start + frameCount, output.count)
                unsafe decodeFrame(bytes, UnsafeMutableBufferPointer(rebasing: output[start..<end]))
                start = end
            }
        }

        private func decodeFrame(_ bytes: RawSpan, _ output: UnsafeMutableBufferPointer<Int64>) {
            let step = scale &* slope
            // `check` has made sure that every word read here lies in
            // `bytes`, and `output` has as many places as the frame values.
            unsafe bytes.withUnsafeBytes { bytes in
                let bits = unsafe bytes.baseAddress! + frameAt
                var onLine = line
                if width == 0 {
                    for place in 0..<output.count {
                        unsafe output[place] = Int64(bitPattern: onLine)
                        onLine = onLine &+ step
                    }
                    return
                }
                var bit = 0
                for place in 0..<output.count {
                    let word = unsafe UInt64(littleEndian: bits.loadUnaligned(fromByteOffset: bit >> 3, as: UInt64.self))
                    let rest = word >> UInt64(truncatingIfNeeded: bit & 7) & mask
                    unsafe output[place] = Int64(bitPattern: onLine &+ scale &* rest)
                    onLine = onLine &+ step
                    bit += width
                }
            }
        }
    }

    /// All values. The bytes have passed `check`.
    static func decode(_ bytes: RawSpan, count: Int) -> [Int64] {
        var reader = Reader(bytes, count: count)
        return unsafe [Int64](unsafeUninitializedCapacity: count) { buffer, initialized in
            unsafe reader.decode(bytes, into: UnsafeMutableBufferPointer(rebasing: buffer[..<count]))
            initialized = count
        }
    }
}
