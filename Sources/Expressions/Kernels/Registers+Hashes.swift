internal import FeatureModel

/// XXH64 of canonical bytes, which widening a column does not change: integers and times as 8 bytes, floats as float64 with
/// one zero and one NaN, a bool as one byte, texts behind their length, lists behind their count and with a byte before
/// each element that says whether it is there, vectors as their elements.
extension Registers {
    mutating func run(_ operation: HashOperation, _ step: Instruction, _ count: Int) {
        switch operation {
        case .integer: map(step, count) { XXH64.hash($0) }
        case .float: map(step, count) { XXH64.hash(CanonicalBits.of($0.float)) }
        case .bool: bytes(step, count) { word, _, bytes in bytes.append(UInt8(word)) }
        case .text:
            bytes(step, count) { word, heap, bytes in
                bytes.append(littleEndian: UInt32(Heap.range(word).count))
                bytes.append(contentsOf: heap.text[Heap.range(word)])
            }
        case .list(let kind, let isBool):
            bytes(step, count) { word, heap, bytes in heap.appendCanonical(kind, isBool: isBool, list: word, to: &bytes) }
        case .vector:
            let length = Int(step.immediate)
            bytes(step, count) { word, heap, bytes in
                for place in Int(word)..<Int(word) + length {
                    bytes.append(littleEndian: CanonicalBits.of(Double(heap.floats[place])))
                }
            }
        case .bucket:
            tryMap(step, count) { hash, buckets, nulls in
                if buckets.integer > 0 { return hash % buckets }
                nulls.add(.outsideDomain)
                return nil
            }
        }
    }

    @inline(__always)
    private mutating func bytes(_ step: Instruction, _ count: Int, _ body: (UInt64, borrowing Heap, inout [UInt8]) -> Void) {
        var bytes: [UInt8] = []
        heapMap(step, count) { word, _, _, heap, _ in
            bytes.removeAll(keepingCapacity: true)
            body(word, heap, &bytes)
            return XXH64.hash(bytes)
        }
    }
}

extension Heap {
    fileprivate func appendCanonical(_ kind: CellKind, isBool: Bool, list: UInt64, to bytes: inout [UInt8]) {
        bytes.append(littleEndian: UInt32(Heap.range(list).count))
        for place in Heap.range(list) {
            bytes.append(cellsValid[place])
            if cellsValid[place] == 0 { continue }
            let cell = cells[place]
            switch kind {
            case .integer where isBool: bytes.append(UInt8(cell))
            case .integer: bytes.append(littleEndian: cell)
            case .float: bytes.append(littleEndian: CanonicalBits.of(cell.float))
            case .text:
                bytes.append(littleEndian: UInt32(Heap.range(cell).count))
                bytes.append(contentsOf: text[Heap.range(cell)])
            }
        }
    }
}
