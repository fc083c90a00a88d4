internal import FeatureModel

/// The registers of a program for a number of rows, and what runs it over them.
///
/// Row `i` of register `r` is word `r × rows + i`: an integer, a bool or a time as int64, a float as float64, or a place on
/// the heap. The word of a null means nothing.
struct Registers: Sendable {
    /// Rows that there is room for.
    let rows: Int
    var words: [UInt64]
    /// 1 where the word holds, 0 where it is null.
    var valid: [UInt8]
    var heap = Heap()
    var nulls = NullCounts()
    let paths: [JSONPath]

    init(_ program: Program, rows: Int) {
        self.rows = rows
        paths = program.paths
        words = Array(repeating: 0, count: program.registerCount * rows)
        valid = Array(repeating: 0, count: program.registerCount * rows)
        for (index, constant) in program.constants.enumerated() {
            let word: UInt64
            switch constant {
            case .null: continue
            case .integer(let number): word = UInt64(bitPattern: number)
            case .float(let bits): word = bits
            case .text(let bytes): word = heap.append(bytes)
            }
            let first = (program.inputs.count + index) * rows
            for place in first..<first + rows {
                words[place] = word
                valid[place] = 1
            }
        }
        heap.keepConstants()
    }

    /// Runs all instructions over the first `count` rows.
    ///
    /// - Returns: whether it came to the end: several rows whose texts and lists take too much are given up, to be run apart.
    @discardableResult
    mutating func run(_ program: Program, count: Int) -> Bool {
        for instruction in program.instructions {
            run(instruction, count)
            if count > 1 && heap.isLarge { return false }
        }
        return true
    }

    @inline(__always)
    private mutating func run(_ step: Instruction, _ count: Int) {
        switch step.operation {
        case .float(let operation): run(operation, step, count)
        case .integer(let operation): run(operation, step, count)
        case .compare(let kind, let relation): compare(kind, relation, step, count)
        case .logic(let operation): run(operation, step, count)
        case .extreme(let kind, let greatest): extreme(kind, greatest: greatest, step, count)
        case .cast(let operation): run(operation, step, count)
        case .text(let operation): run(operation, step, count)
        case .time(let operation): run(operation, step, count)
        case .vector(let operation): run(operation, step, count)
        case .list(let operation, let kind): run(operation, kind, step, count)
        case .hash(let operation): run(operation, step, count)
        }
    }

    /// The first row of a register as a constant, for what is folded.
    func constant(_ register: Int, _ type: FeatureType) -> Constant {
        let place = register * rows
        if valid[place] == 0 { return .null }
        switch type {
        case .float32, .float64: return .float(words[place])
        case .string, .bytes: return .text(Array(heap.text[Heap.range(words[place])]))
        default: return .integer(Int64(bitPattern: words[place]))
        }
    }
}

// What kernels are made of. Each reads all that a row needs before it writes, as a register may be written that is read.
extension Registers {
    /// A value of each row from one argument; null stays null.
    @inline(__always)
    mutating func map(_ step: Instruction, _ count: Int, _ body: (UInt64) -> UInt64) {
        let (out, a) = (step.out &* rows, step.a &* rows)
        var words = words.mutableSpan
        for row in 0..<count { words[out &+ row] = body(words[a &+ row]) }
        var valid = valid.mutableSpan
        for row in 0..<count { valid[out &+ row] = valid[a &+ row] }
    }

    /// A value of each row from two arguments; null where one is null.
    @inline(__always)
    mutating func map(_ step: Instruction, _ count: Int, _ body: (UInt64, UInt64) -> UInt64) {
        let (out, a, b) = (step.out &* rows, step.a &* rows, step.b &* rows)
        var words = words.mutableSpan
        for row in 0..<count { words[out &+ row] = body(words[a &+ row], words[b &+ row]) }
        var valid = valid.mutableSpan
        for row in 0..<count { valid[out &+ row] = valid[a &+ row] & valid[b &+ row] }
    }

    /// The same where the body may have no value, and then counts why.
    @inline(__always)
    mutating func tryMap(_ step: Instruction, _ count: Int, _ body: (UInt64, inout NullCounts) -> UInt64?) {
        let (out, a) = (step.out &* rows, step.a &* rows)
        Registers.withSpans(&words, &valid, &nulls) { words, valid, nulls in
            for row in 0..<count {
                let result = valid[a &+ row] == 0 ? nil : body(words[a &+ row], &nulls)
                words[out &+ row] = result ?? 0
                valid[out &+ row] = result == nil ? 0 : 1
            }
        }
    }

    @inline(__always)
    mutating func tryMap(_ step: Instruction, _ count: Int, _ body: (UInt64, UInt64, inout NullCounts) -> UInt64?) {
        let (out, a, b) = (step.out &* rows, step.a &* rows, step.b &* rows)
        Registers.withSpans(&words, &valid, &nulls) { words, valid, nulls in
            for row in 0..<count {
                let both = valid[a &+ row] & valid[b &+ row]
                let result = both == 0 ? nil : body(words[a &+ row], words[b &+ row], &nulls)
                words[out &+ row] = result ?? 0
                valid[out &+ row] = result == nil ? 0 : 1
            }
        }
    }

    /// Words and validity at once, whose spans cannot be taken from `self` together.
    @inline(__always)
    static func withSpans(
        _ words: inout [UInt64], _ valid: inout [UInt8], _ nulls: inout NullCounts,
        _ body: (inout MutableSpan<UInt64>, inout MutableSpan<UInt8>, inout NullCounts) -> Void
    ) {
        var wordSpan = words.mutableSpan
        var validSpan = valid.mutableSpan
        body(&wordSpan, &validSpan, &nulls)
    }

    /// The same with the heap at hand, from up to three arguments.
    @inline(__always)
    mutating func heapMap(
        _ step: Instruction, _ count: Int,
        _ body: (_ a: UInt64, _ b: UInt64, _ c: UInt64, inout Heap, inout NullCounts) -> UInt64?
    ) {
        let (out, a) = (step.out &* rows, step.a &* rows)
        let b = step.argumentCount > 1 ? step.b &* rows : a
        let c = step.argumentCount > 2 ? step.c &* rows : a
        Registers.withSpans(&words, &valid, &nulls, &heap) { words, valid, nulls, heap in
            for row in 0..<count {
                let all = valid[a &+ row] & valid[b &+ row] & valid[c &+ row]
                let result = all == 0 ? nil : body(words[a &+ row], words[b &+ row], words[c &+ row], &heap, &nulls)
                words[out &+ row] = result ?? 0
                valid[out &+ row] = result == nil ? 0 : 1
            }
        }
    }

    /// The same with the heap.
    @inline(__always)
    static func withSpans(
        _ words: inout [UInt64], _ valid: inout [UInt8], _ nulls: inout NullCounts, _ heap: inout Heap,
        _ body: (inout MutableSpan<UInt64>, inout MutableSpan<UInt8>, inout NullCounts, inout Heap) -> Void
    ) {
        var wordSpan = words.mutableSpan
        var validSpan = valid.mutableSpan
        body(&wordSpan, &validSpan, &nulls, &heap)
    }
}

extension UInt64 {
    @inline(__always)
    init(_ bool: Bool) { self = bool ? 1 : 0 }
    /// As an integer.
    @inline(__always)
    var integer: Int64 { Int64(bitPattern: self) }
    /// As a float64.
    @inline(__always)
    var float: Double { Double(bitPattern: self) }
}
