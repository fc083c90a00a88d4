internal import FeatureModel

extension Registers {
    mutating func run(_ operation: TextOperation, _ step: Instruction, _ count: Int) {
        switch operation {
        case .concatenate: bounded(step, count) { left, right, _, heap in heap.concatenated(left, right) }
        case .replace: bounded(step, count) { text, old, new, heap in heap.replaced(text, old, new) }
        case .split: bounded(step, count) { text, separator, _, heap in heap.split(text, separator) }
        case .lower: whole(step, count) { text, _, _, heap in heap.mapped(text, \.lowercased) }
        case .upper: whole(step, count) { text, _, _, heap in heap.mapped(text, \.uppercased) }
        case .trim: whole(step, count) { text, _, _, heap in heap.trimmed(text) }
        case .length: whole(step, count) { text, _, _, heap in UInt64(heap.codePoints(Heap.range(text))) }
        case .byteCount: map(step, count) { UInt64(Heap.range($0).count) }
        case .startsWith: whole(step, count) { text, start, _, heap in UInt64(heap.starts(text, with: start)) }
        case .contains: whole(step, count) { text, piece, _, heap in UInt64(heap.place(of: piece, in: Heap.range(text)) != nil) }
        case .substringFrom:
            whole(step, count) { text, start, _, heap in heap.substring(text, from: start.integer, count: 1 << 65) }
        case .substring:
            heapMap(step, count) { text, start, length, heap, nulls in
                if length.integer < 0 {
                    nulls.add(.outsideDomain)
                    return nil
                }
                return heap.substring(text, from: start.integer, count: Int128(length.integer))
            }
        case .jsonText, .jsonNumber: json(operation, step, count)
        }
    }

    @inline(__always)
    private mutating func whole(
        _ step: Instruction, _ count: Int, _ body: (UInt64, UInt64, UInt64, inout Heap) -> UInt64
    ) {
        heapMap(step, count) { a, b, c, heap, _ in body(a, b, c, &heap) }
    }

    @inline(__always)
    private mutating func bounded(
        _ step: Instruction, _ count: Int, _ body: (UInt64, UInt64, UInt64, inout Heap) -> UInt64?
    ) {
        heapMap(step, count) { a, b, c, heap, nulls in
            if let result = body(a, b, c, &heap) { return result }
            nulls.add(.tooLong)
            return nil
        }
    }

    private mutating func json(_ operation: TextOperation, _ step: Instruction, _ count: Int) {
        let path = paths[Int(step.immediate)]
        heapMap(step, count) { text, _, _, heap, nulls in
            switch JSONScanner.find(path, in: heap.text[Heap.range(text)]) {
            case .malformed: break
            case .missing: return nil
            case .number(let bytes):
                if operation == .jsonText { return heap.append(bytes) }
                return Scalars.float(bytes)?.bitPattern
            case .text(let bytes):
                if operation == .jsonText { return heap.append(bytes) }
            case .other(let bytes):
                if operation == .jsonText { return heap.append(bytes) }
            }
            nulls.add(.badJSON)
            return nil
        }
    }
}

extension Heap {
    /// `nil` where it would be too long, as in what follows.
    fileprivate mutating func concatenated(_ left: UInt64, _ right: UInt64) -> UInt64? {
        let (first, second) = (Heap.range(left), Heap.range(right))
        guard first.count + second.count <= Limits.expressionTextBytesMax else { return nil }
        let start = text.count
        appendText(in: first)
        appendText(in: second)
        return Heap.word(start, text.count - start)
    }

    fileprivate mutating func replaced(_ word: UInt64, _ old: UInt64, _ new: UInt64) -> UInt64? {
        let (all, replacement) = (Heap.range(word), Heap.range(new))
        let length = Heap.range(old).count
        if length == 0 { return all.count > Limits.expressionTextBytesMax ? nil : word }
        let start = text.count
        var rest = all
        while let place = place(of: old, in: rest) {
            appendText(in: rest.lowerBound..<place)
            appendText(in: replacement)
            rest = place + length..<rest.upperBound
            if text.count - start > Limits.expressionTextBytesMax { break }
        }
        appendText(in: rest)
        guard text.count - start <= Limits.expressionTextBytesMax else {
            text.removeLast(text.count - start)
            return nil
        }
        return Heap.word(start, text.count - start)
    }

    /// Pieces between separators; between characters where the separator is empty. At most 65,536.
    fileprivate mutating func split(_ word: UInt64, _ separator: UInt64) -> UInt64? {
        let all = Heap.range(word)
        let length = Heap.range(separator).count
        let start = cells.count
        var rest = all
        func isFull() -> Bool { cells.count - start >= Limits.vectorLengthMax }
        if length == 0 {
            while !rest.isEmpty {
                if isFull() { return nil }
                let end = offset(of: 1, in: rest)
                cells.append(Heap.word(rest.lowerBound, end - rest.lowerBound))
                rest = end..<rest.upperBound
            }
        } else {
            while let place = place(of: separator, in: rest) {
                if isFull() { return nil }
                cells.append(Heap.word(rest.lowerBound, place - rest.lowerBound))
                rest = place + length..<rest.upperBound
            }
            if isFull() { return nil }
            cells.append(Heap.word(rest.lowerBound, rest.count))
        }
        cellsValid.append(contentsOf: repeatElement(1, count: cells.count - start))
        return Heap.word(start, cells.count - start)
    }

    @inline(__always)
    fileprivate mutating func mapped(_ word: UInt64, _ body: (UInt8) -> UInt8) -> UInt64 {
        let start = text.count
        for place in Heap.range(word) { text.append(body(text[place])) }
        return Heap.word(start, text.count - start)
    }

    /// Without the spaces at both ends.
    fileprivate func trimmed(_ word: UInt64) -> UInt64 {
        var range = Heap.range(word)
        let space = UInt8(ascii: " ")
        while !range.isEmpty, text[range.lowerBound] == space { range = range.lowerBound + 1..<range.upperBound }
        while !range.isEmpty, text[range.upperBound - 1] == space { range = range.lowerBound..<range.upperBound - 1 }
        return Heap.word(range.lowerBound, range.count)
    }

    fileprivate func codePoints(_ range: Range<Int>) -> Int {
        let bytes = text.span
        var count = 0
        for place in range where bytes[place] & 0xC0 != 0x80 { count += 1 }
        return count
    }

    /// Where the code point that has `count` before it begins, or the end.
    private func offset(of count: Int, in range: Range<Int>) -> Int {
        let bytes = text.span
        var rest = count
        for place in range where bytes[place] & 0xC0 != 0x80 {
            if rest == 0 { return place }
            rest -= 1
        }
        return range.upperBound
    }

    /// The code points `from`, from 1, up to `from` + `count`, as far as there are any. Below zero places count from the end.
    fileprivate func substring(_ word: UInt64, from: Int64, count: Int128) -> UInt64 {
        let range = Heap.range(word)
        var start = Int128(from)
        if from < 0 { start += Int128(codePoints(range)) + 1 }
        let end = start + count
        let first = Int(clamping: max(start, 1) - 1)
        let last = Int(clamping: max(end, 1) - 1)
        let lower = offset(of: min(first, range.count), in: range)
        if last <= first { return Heap.word(lower, 0) }
        let upper = offset(of: min(last - first, range.count), in: lower..<range.upperBound)
        return Heap.word(lower, upper - lower)
    }

    fileprivate func starts(_ word: UInt64, with start: UInt64) -> Bool {
        let (range, length) = (Heap.range(word), Heap.range(start).count)
        return length <= range.count && hasSameText(Heap.word(range.lowerBound, length), start)
    }

    /// Where a text stands first within a range.
    ///
    /// - Complexity: O(n + m).
    fileprivate func place(of piece: UInt64, in range: Range<Int>) -> Int? {
        let wanted = Heap.range(piece)
        if wanted.isEmpty { return range.lowerBound }
        guard wanted.count <= range.count else { return nil }
        // Each place costs at most as much as the piece is long, which a long piece must not.
        if wanted.count > 32 { return place(ofLong: wanted, in: range) }
        let bytes = text.span
        let first = bytes[wanted.lowerBound]
        for place in range.lowerBound...range.upperBound - wanted.count where bytes[place] == first {
            var matched = 1
            while matched < wanted.count, bytes[place + matched] == bytes[wanted.lowerBound + matched] { matched += 1 }
            if matched == wanted.count { return place }
        }
        return nil
    }

    /// *Source*: Knuth, Morris, Pratt, "Fast pattern matching in strings", SIAM J. Comput. 6 (1977).
    private func place(ofLong wanted: Range<Int>, in range: Range<Int>) -> Int? {
        let bytes = text.span
        /// For each length of a match, that of the longest proper one that ends where it ends.
        var shorter = Array(repeating: 0, count: wanted.count + 1)
        var matched = 0
        for place in 1..<wanted.count {
            while matched > 0, bytes[wanted.lowerBound + place] != bytes[wanted.lowerBound + matched] {
                matched = shorter[matched]
            }
            if bytes[wanted.lowerBound + place] == bytes[wanted.lowerBound + matched] { matched += 1 }
            shorter[place + 1] = matched
        }
        matched = 0
        for place in range {
            while matched > 0, bytes[place] != bytes[wanted.lowerBound + matched] { matched = shorter[matched] }
            if bytes[place] == bytes[wanted.lowerBound + matched] { matched += 1 }
            if matched == wanted.count { return place + 1 - matched }
        }
        return nil
    }
}
