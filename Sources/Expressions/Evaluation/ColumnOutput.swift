internal import FeatureModel

/// Collects a result's register into one column.
struct ColumnOutput {
    private let type: FeatureType
    private var count = 0
    private var nullCount = 0
    private var validity: [UInt8] = []
    private var offsets: [UInt8] = []
    private var elementCount = 0
    private var elementNullCount = 0
    private var elementValidity: [UInt8] = []
    private var elementOffsets: [UInt8] = []
    private var data: [UInt8] = []

    var byteCount: Int { data.count + elementOffsets.count }

    init(_ type: FeatureType, capacity: Int) {
        self.type = type
        if let width = type.fixedWidth { data = Array(repeating: 0, count: width * capacity) }
        switch type {
        case .string, .bytes: offsets = [0, 0, 0, 0]
        case .array(let element):
            offsets = [0, 0, 0, 0]
            if element.isText { elementOffsets = [0, 0, 0, 0] }
        default: break
        }
        validity.reserveCapacity(bitmapBytes(capacity))
    }

    mutating func append(_ registers: borrowing Registers, _ register: Int, count rows: Int) {
        let first = register * registers.rows
        appendValidity(registers, first, rows)
        switch type {
        case .int64, .timestamp: store(registers, first, rows, width: 8) { $0 }
        case .float64: store(registers, first, rows, width: 8) { CanonicalBits.leaving($0.float) }
        case .int32: store(registers, first, rows, width: 4) { UInt32(truncatingIfNeeded: $0) }
        case .float32: store(registers, first, rows, width: 4) { CanonicalBits.leaving(Float($0.float)) }
        case .bool:
            for row in 0..<rows {
                data.appendBit(registers.valid[first &+ row] == 1 && registers.words[first &+ row] == 1, at: count &+ row)
            }
        case .string, .bytes:
            for row in 0..<rows {
                if registers.valid[first &+ row] == 1 {
                    data.append(contentsOf: registers.heap.text[Heap.range(registers.words[first &+ row])])
                }
                offsets.append(littleEndian: Int32(data.count))
            }
        case .vector(let length):
            for row in 0..<rows where registers.valid[first &+ row] == 1 {
                let place = Int(registers.words[first &+ row])
                for index in 0..<length {
                    let bits = CanonicalBits.leaving(registers.heap.floats[place + index])
                    data.store(littleEndian: bits, at: ((count &+ row) &* length &+ index) &* 4)
                }
            }
        case .array(let element):
            for row in 0..<rows {
                if registers.valid[first &+ row] == 1 { append(list: registers.words[first &+ row], element, registers.heap) }
                offsets.append(littleEndian: Int32(elementCount))
            }
        }
        count += rows
    }

    /// A cell of fixed width for each row, which stays zero where the row is null.
    @inline(__always)
    private mutating func store<Cell: FixedWidthInteger & BitwiseCopyable>(
        _ registers: borrowing Registers, _ first: Int, _ rows: Int, width: Int, _ cell: (UInt64) -> Cell
    ) {
        let words = registers.words.span
        let valid = registers.valid.span
        let count = count
        data.withMutableBytes { bytes in
            for row in 0..<rows where valid[first &+ row] == 1 {
                bytes.store(littleEndian: cell(words[first &+ row]), at: (count &+ row) &* width)
            }
        }
    }

    private mutating func appendValidity(_ registers: borrowing Registers, _ first: Int, _ rows: Int) {
        let valid = registers.valid.span
        var row = 0
        if count & 7 == 0 {
            while row &+ 8 <= rows {
                var byte: UInt8 = 0
                for bit in 0..<8 { byte |= valid[first &+ row &+ bit] &<< UInt8(truncatingIfNeeded: bit) }
                validity.append(byte)
                nullCount &+= 8 &- byte.nonzeroBitCount
                row &+= 8
            }
        }
        while row < rows {
            let isThere = valid[first &+ row] == 1
            validity.appendBit(isThere, at: count &+ row)
            if !isThere { nullCount &+= 1 }
            row &+= 1
        }
    }

    private mutating func append(list: UInt64, _ element: FeatureType, _ heap: borrowing Heap) {
        for place in Heap.range(list) {
            let isThere = heap.cellsValid[place] == 1
            let cell = isThere ? heap.cells[place] : 0
            elementValidity.appendBit(isThere, at: elementCount)
            if !isThere { elementNullCount += 1 }
            switch element {
            case .bool: data.appendBit(cell == 1, at: elementCount)
            case .int32: data.append(littleEndian: UInt32(truncatingIfNeeded: cell))
            case .float32: data.append(littleEndian: CanonicalBits.leaving(Float(cell.float)))
            case .float64: data.append(littleEndian: CanonicalBits.leaving(cell.float))
            case .string, .bytes:
                if isThere { data.append(contentsOf: heap.text[Heap.range(cell)]) }
                elementOffsets.append(littleEndian: Int32(data.count))
            default: data.append(littleEndian: cell)
            }
            elementCount += 1
        }
    }

    consuming func finish() -> Column {
        Column(
            type: type, count: count, nullCount: nullCount, validity: nullCount == 0 ? [] : validity[...], offsets: offsets[...],
            elementValidity: elementNullCount == 0 ? [] : elementValidity[...], elementOffsets: elementOffsets[...],
            data: data[...])
    }
}
