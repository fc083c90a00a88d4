package import FeatureModel

/// Runs an expression over columns, or over one row after the other.
///
/// It keeps its registers between runs, so that numbers of single rows take no memory anew. One thread at a time uses it.
///
/// Single rows: `set` each input, `run`, then read the result. An input keeps its cell until it is set again, but for
/// texts, lists and vectors, which are set for each row.
package struct Evaluator: Sendable {
    private let program: Program
    private var registers: Registers
    /// Nulls that the runs so far made where none came in.
    package var nulls: NullCounts { registers.nulls }
    package var type: FeatureType { program.resultType }

    /// Rows that are run together: a register of them takes 9 bytes a row.
    package static let batchRows = 256
    /// Offsets into a column are 32 bits wide, and what is added at once is less than what is left of them.
    package static let resultBytesMax = 1 << 30

    /// - Parameters:
    ///   - singleRows: whether single rows will be run; then columns are run row by row.
    ///   - rowsAtOnce: of a column; fewer take less memory, and somewhat more time.
    package init(_ expression: ScalarExpression, singleRows: Bool = false, rowsAtOnce: Int = batchRows) {
        program = expression.program
        registers = Registers(program, rows: singleRows ? 1 : rowsAtOnce)
    }

    // MARK: Columns

    /// The value of each row.
    ///
    /// - Parameters:
    ///   - operands: one for each of the expression's `inputs`, in their order, with `count` rows each.
    ///   - bytesMax: of the values, about.
    /// - Complexity: O(rows × instructions + bytes).
    /// - Throws: `.resourceExhausted` where the values are too large together for one column: take fewer rows.
    package mutating func evaluate(
        _ operands: [Operand], count: Int, bytesMax: Int = resultBytesMax
    ) throws(HeadwaterError) -> Column {
        let bytesMax = min(max(0, bytesMax), Evaluator.resultBytesMax)
        precondition(operands.count == program.inputs.count, "an operand for each input")
        guard (program.resultType.fixedWidth ?? 0) <= bytesMax / max(1, count) else { throw Evaluator.tooLarge(bytesMax) }
        var output = ColumnOutput(program.resultType, capacity: count)
        var start = 0
        var size = registers.rows
        while start < count {
            let rows = min(size, count - start)
            let before = registers.nulls
            registers.heap.clear()
            for (input, operand) in operands.enumerated() { registers.load(operand, start..<start + rows, into: input) }
            let isTooLarge = rows > 1 && registers.heap.isLarge
            if isTooLarge || !registers.run(program, count: rows) {
                // Long texts and lists are run in smaller pieces.
                registers.nulls = before
                size = max(1, rows / 8)
                continue
            }
            output.append(registers, program.result, count: rows)
            start += rows
            guard output.byteCount <= bytesMax else { throw Evaluator.tooLarge(bytesMax) }
        }
        registers.heap.clear()
        return output.finish()
    }

    private static func tooLarge(_ bytesMax: Int) -> HeadwaterError {
        HeadwaterError(
            .resourceExhausted, "the values of an expression take more than \(bytesMax) bytes together: ask for fewer rows")
    }

    // MARK: Single rows

    /// Forgets the texts, lists and vectors of the row before.
    package mutating func clearRow() { registers.heap.clear() }

    package mutating func setNull(_ input: Int) { registers.valid[input * registers.rows] = 0 }

    /// An int32, int64 or timestamp.
    package mutating func set(_ input: Int, integer: Int64) { set(input, UInt64(bitPattern: integer)) }
    package mutating func set(_ input: Int, bool: Bool) { set(input, UInt64(bool)) }
    /// A float32 or float64.
    package mutating func set(_ input: Int, float: Double) { set(input, float.bitPattern) }
    /// A string or bytes.
    package mutating func set(_ input: Int, text: ArraySlice<UInt8>) { set(input, registers.heap.append(text)) }

    /// Any cell of the input's type, or of one that widens to it.
    package mutating func set(_ input: Int, _ value: Value) {
        if let word = registers.heap.word(of: value) { set(input, word) } else { setNull(input) }
    }

    /// A cell of a column.
    package mutating func set(_ input: Int, from column: Column, row: Int) {
        registers.load(column, row..<row + 1, into: input)
    }

    @inline(__always)
    private mutating func set(_ input: Int, _ word: UInt64) {
        registers.words[input * registers.rows] = word
        registers.valid[input * registers.rows] = 1
    }

    /// Runs the row whose cells were set.
    package mutating func run() { registers.run(program, count: 1) }

    package var isNull: Bool { registers.valid[program.result * registers.rows] == 0 }
    /// The result of an expression of type int32, int64 or timestamp; a bool as 0 or 1. It means nothing where `isNull`.
    package var integer: Int64 { registers.words[program.result * registers.rows].integer }
    /// The result of an expression of a float type, which means nothing where `isNull`.
    package var float: Double {
        Double(bitPattern: CanonicalBits.leaving(registers.words[program.result * registers.rows].float))
    }

    /// The result, boxed.
    package var value: Value {
        isNull ? .null : registers.heap.value(registers.words[program.result * registers.rows], program.resultType)
    }

    /// Appends the result to a column of the expression's type.
    package func append(to builder: inout ColumnBuilder) {
        if isNull { return builder.appendNull() }
        switch program.resultType {
        case .bool: builder.append(bool: integer == 1)
        case .int32: builder.append(int32: Int32(truncatingIfNeeded: integer))
        case .int64, .timestamp: builder.append(int64: integer)
        case .float64: builder.append(float64: float)
        case .string, .bytes:
            builder.append(text: registers.heap.text[Heap.range(registers.words[program.result * registers.rows])])
        case .float32, .array, .vector:
            do { try builder.append(value) } catch { preconditionFailure("a result is of its type: \(error)") }
        }
    }
}
