internal import FeatureModel

extension Registers {
    /// Fills an input's register with rows of an operand.
    mutating func load(_ operand: Operand, _ range: Range<Int>, into input: Int) {
        switch operand {
        case .column(let column): load(column, range, into: input)
        case .statuses(let statuses):
            let first = input * rows
            for (offset, row) in range.enumerated() {
                let status = statuses[row]
                words[first + offset] = UInt64(status == .present || status == .nullValue)
                valid[first + offset] = 1
            }
        case .value(let value):
            let word = heap.word(of: value)
            for place in input * rows..<input * rows + range.count {
                words[place] = word ?? 0
                valid[place] = word == nil ? 0 : 1
            }
        }
    }

    mutating func load(_ column: Column, _ range: Range<Int>, into input: Int) {
        let first = input * rows
        let start = range.lowerBound
        loadValidity(column, range, at: first)
        switch column.type {
        case .int64, .timestamp, .float64:
            column.data.withBytes { bytes in
                var words = words.mutableSpan
                for row in 0..<range.count { words[first &+ row] = bytes.littleEndian(at: (start &+ row) &* 8) }
            }
        case .int32:
            column.data.withBytes { bytes in
                var words = words.mutableSpan
                for row in 0..<range.count {
                    words[first &+ row] = UInt64(bitPattern: Int64(bytes.littleEndian(at: (start &+ row) &* 4, as: Int32.self)))
                }
            }
        case .float32:
            column.data.withBytes { bytes in
                var words = words.mutableSpan
                for row in 0..<range.count {
                    words[first &+ row] = Double(Float(bitPattern: bytes.littleEndian(at: (start &+ row) &* 4))).bitPattern
                }
            }
        case .bool:
            let data = column.data
            for row in 0..<range.count { words[first &+ row] = UInt64(data.bit(start &+ row)) }
        case .string, .bytes:
            for row in 0..<range.count where valid[first &+ row] == 1 {
                words[first &+ row] = heap.append(column.bytes(start &+ row))
            }
        case .array:
            let elements = column.elements
            for row in 0..<range.count where valid[first &+ row] == 1 {
                words[first &+ row] = heap.append(elements, column.range(start &+ row))
            }
        case .vector(let length):
            let before = heap.floats.count
            heap.floats.append(contentsOf: repeatElement(0, count: range.count * length))
            column.data.withBytes { bytes in
                var floats = heap.floats.mutableSpan
                for index in 0..<range.count &* length {
                    floats[before &+ index] = Float(bitPattern: bytes.littleEndian(at: (start &* length &+ index) &* 4))
                }
            }
            for row in 0..<range.count { words[first &+ row] = UInt64(before &+ row &* length) }
        }
    }

    private mutating func loadValidity(_ column: Column, _ range: Range<Int>, at first: Int) {
        let start = range.lowerBound
        var valid = valid.mutableSpan
        if column.nullCount == 0 {
            for row in 0..<range.count { valid[first &+ row] = 1 }
            return
        }
        column.validity.withBytes { bits in
            for row in 0..<range.count {
                let place = start &+ row
                valid[first &+ row] = bits.littleEndian(at: place &>> 3, as: UInt8.self) &>> UInt8(place & 7) & 1
            }
        }
    }
}

extension Heap {
    /// Elements of a list's cell.
    fileprivate mutating func append(_ elements: Column, _ range: Range<Int>) -> UInt64 {
        let start = cells.count
        for index in range {
            let isThere = !elements.isNull(index)
            cellsValid.append(isThere ? 1 : 0)
            guard isThere else {
                cells.append(0)
                continue
            }
            switch elements.type {
            case .bool: cells.append(UInt64(elements.bool(index)))
            case .int32: cells.append(UInt64(bitPattern: Int64(elements.int32(index))))
            case .float32: cells.append(Double(elements.float32(index)).bitPattern)
            case .string, .bytes: cells.append(append(elements.bytes(index)))
            default: cells.append(UInt64(bitPattern: elements.int64(index)))
            }
        }
        return Heap.word(start, range.count)
    }

    /// What a register holds of a cell; `nil` for null.
    mutating func word(of value: Value) -> UInt64? {
        switch value {
        case .null: return nil
        case .bool(let value): return UInt64(value)
        case .int32(let number): return UInt64(bitPattern: Int64(number))
        case .int64(let number): return UInt64(bitPattern: number)
        case .timestamp(let instant): return UInt64(bitPattern: instant)
        case .float32(let number): return Double(number).bitPattern
        case .float64(let number): return number.bitPattern
        case .string(let text), .bytes(let text): return append(text.bytes)
        case .array(let values):
            let words = values.map { word(of: $0) }
            let start = cells.count
            for word in words {
                cells.append(word ?? 0)
                cellsValid.append(word == nil ? 0 : 1)
            }
            return Heap.word(start, words.count)
        case .vector(let elements):
            floats.append(contentsOf: elements)
            return UInt64(floats.count - elements.count)
        }
    }

    /// A register's word of this type, boxed.
    func value(_ word: UInt64, _ type: FeatureType) -> Value {
        switch type {
        case .bool: .bool(word == 1)
        case .int32: .int32(Int32(truncatingIfNeeded: word.integer))
        case .int64: .int64(word.integer)
        case .timestamp: .timestamp(word.integer)
        case .float32: .float32(Float(bitPattern: CanonicalBits.leaving(Float(word.float))))
        case .float64: .float64(Double(bitPattern: CanonicalBits.leaving(word.float)))
        case .string: .string(ByteString(text[Heap.range(word)]))
        case .bytes: .bytes(ByteString(text[Heap.range(word)]))
        case .array(let element):
            .array(Heap.range(word).map { cellsValid[$0] == 1 ? value(cells[$0], element) : .null })
        case .vector(let length):
            .vector(floats[Int(word)..<Int(word) + length].map { Float(bitPattern: CanonicalBits.leaving($0)) })
        }
    }
}
