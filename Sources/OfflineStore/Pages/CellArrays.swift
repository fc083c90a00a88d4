internal import FeatureModel

/// The cells of a buffer as numbers, and back: the loops that take most of the time of writing and reading whole pages.
extension ArraySlice<UInt8> {
    /// Little-endian words of 32 or 64 bits, each as an Int64.
    func integers(width: Int) -> [Int64] {
        let count = self.count / width
        return unsafe withUnsafeBytes { bytes in
            unsafe [Int64](unsafeUninitializedCapacity: count) { output, initialized in
                // Each load lies within the buffer: `count` words of `width` bytes fit.
                for index in 0..<count {
                    unsafe output[index] =
                        width == 8
                        ? Int64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: Int64.self))
                        : Int64(Int32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: Int32.self)))
                }
                initialized = count
            }
        }
    }

    /// Little-endian floats of 32 or 64 bits, each as a Double.
    func floats(width: Int) -> [Double] {
        let count = self.count / width
        return unsafe withUnsafeBytes { bytes in
            unsafe [Double](unsafeUninitializedCapacity: count) { output, initialized in
                // Each load lies within the buffer: `count` words of `width` bytes fit.
                for index in 0..<count {
                    unsafe output[index] =
                        width == 8
                        ? Double(
                            bitPattern: UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 8, as: UInt64.self)))
                        : Double(
                            Float(
                                bitPattern: UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: index * 4, as: UInt32.self)))
                        )
                }
                initialized = count
            }
        }
    }
}

extension [Int32] {
    /// The numbers of a range for which `isWanted`. Without a branch, as nobody can guess which they are.
    @inline(__always)
    init(_ range: Range<Int>, where isWanted: (Int) -> Bool) {
        unsafe self.init(unsafeUninitializedCapacity: range.count) { output, initialized in
            var count = 0
            for number in range {
                // `count` is below the capacity: it has grown by one at the most for each number before.
                unsafe output[count] = Int32(truncatingIfNeeded: number)
                count &+= isWanted(number) ? 1 : 0
            }
            initialized = count
        }
    }
}

extension [UInt8] {
    /// `count` bits as Arrow lays them out, 1 where `isSet`.
    init(bits count: Int, _ isSet: (Int) -> Bool) {
        self.init(repeating: 0, count: bitmapBytes(count))
        for index in 0..<count where isSet(index) { self[index >> 3] |= 1 << UInt8(index & 7) }
    }

    /// The numbers as little-endian words of 32 or 64 bits; the lower bits where they are of 32.
    init(words: [Int64], width: Int) {
        unsafe self.init(unsafeUninitializedCapacity: words.count * width) { output, initialized in
            let base = UnsafeMutableRawBufferPointer(output)
            // There is room for `count` words of `width` bytes.
            for index in words.indices {
                if width == 8 {
                    unsafe base.storeBytes(of: words[index].littleEndian, toByteOffset: index * 8, as: Int64.self)
                } else {
                    unsafe base.storeBytes(
                        of: Int32(truncatingIfNeeded: words[index]).littleEndian, toByteOffset: index * 4, as: Int32.self)
                }
            }
            initialized = words.count * width
        }
    }
}

extension Column {
    /// The numbers of an int32, int64 or timestamp column; a null cell repeats the one before it, so that it costs no bits.
    var filledIntegers: [Int64] { fill(data.integers(width: type.fixedWidth!)) }

    /// The numbers of a float32 or float64 column, null cells as in `filledIntegers`.
    var filledFloats: [Double] { fill(data.floats(width: type.fixedWidth!)) }

    private func fill<Number>(_ cells: [Number]) -> [Number] {
        guard nullCount > 0, nullCount < count, var last = (0..<count).first(where: { !isNull($0) }).map({ cells[$0] }) else {
            return cells
        }
        var cells = cells
        for row in cells.indices { if isNull(row) { cells[row] = last } else { last = cells[row] } }
        return cells
    }

    /// The numbers of an int64 or timestamp column without nulls.
    func int64Cells() -> [Int64] { data.integers(width: 8) }

    /// A column of numbers without nulls.
    init(_ type: FeatureType, numbers: [Int64]) {
        self.init(type: type, count: numbers.count, nullCount: 0, data: [UInt8](words: numbers, width: type.fixedWidth!)[...])
    }

    /// The column with zeros in the data of null cells, as the memory layout has it.
    func clearingNulls(width: Int) -> Column {
        guard nullCount > 0 else { return self }
        var cleared = Array(data)
        for row in 0..<count where isNull(row) {
            for byte in 0..<width { cleared[row * width + byte] = 0 }
        }
        return Column(type: type, count: count, nullCount: nullCount, validity: validity, data: cleared[...])
    }
}
