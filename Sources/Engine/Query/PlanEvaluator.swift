public import Catalog
internal import Expressions
internal import FeatureModel

/// Works out the expressions of a plan over what was read, online and offline alike. Belongs to one thread at a time.
public struct PlanEvaluator {
    /// What was read of one feature.
    struct ReadCells {
        let column: Column
        let statuses: StatusColumn
    }

    /// Steps of all expressions and rows up to which a get is answered where others wait for it.
    private static let quickStepsMax = 256
    private static let quickWorkMax = 64 << 10

    private let plan: FeaturePlan
    private let nulls: ExpressionNulls?
    /// Kept from answer to answer where the expressions are quick; else each lives while it works, as all
    /// of a large service take much memory together.
    private var kept: [Evaluator] = []
    private let stepCount: Int
    private let isOfNumbersAlone: Bool

    /// - Parameter nulls: counts the nulls that the expressions make.
    public init(_ plan: FeaturePlan, nulls: ExpressionNulls?) {
        self.plan = plan
        self.nulls = nulls
        stepCount = plan.expressions.reduce(0) { $0 + $1.expression.stepCount }
        isOfNumbersAlone = plan.expressions.allSatisfy { $0.expression.isOfNumbersAlone }
    }

    /// Whether so many rows take no time that others would notice.
    func isQuick(rowCount: Int) -> Bool {
        isOfNumbersAlone && stepCount <= Self.quickStepsMax && stepCount * rowCount <= Self.quickWorkMax
    }

    /// The outputs of the plan, in its order.
    ///
    /// - Parameters:
    ///   - reads: a feature for each of the plan's `reads`.
    ///   - request: a column for each of the plan's `request`.
    ///   - time: of the answer: one for all rows, or a column of them.
    ///   - bytesMax: of all values that the expressions make, about.
    /// - Throws: `.resourceExhausted` where texts or lists that expressions make are too large together.
    mutating func outputs(
        of reads: [ReadCells], request: [Column], time: AnswerTime, rowCount: Int, bytesMax: Int,
        isCancelled: () -> Bool = { false }
    ) throws(HeadwaterError) -> [ReadCells] {
        var made: [Column] = []
        var bytesLeft = bytesMax
        let isKept = isOfNumbersAlone && stepCount <= Self.quickStepsMax
        if isKept, kept.isEmpty { kept = plan.expressions.map { Evaluator($0.expression, rowsAtOnce: 16) } }
        for (place, expression) in plan.expressions.enumerated() {
            let operands = expression.inputs.map { input -> Operand in
                switch input {
                case .read(let place): .column(reads[place].column)
                case .expression(let place): .column(made[place])
                case .request(let place): .column(request[place])
                case .found(let place): .statuses(reads[place].statuses)
                case .always: .value(.bool(true))
                case .requestTime: time.operand
                }
            }
            if isCancelled() { throw HeadwaterError(.cancelled, "cancelled while expressions were worked out") }
            let column: Column
            do throws(HeadwaterError) {
                if isKept {
                    column = try Self.evaluate(&kept[place], operands, rowCount, bytesLeft, nulls)
                } else {
                    var evaluator = Evaluator(expression.expression, rowsAtOnce: min(max(1, rowCount), Evaluator.batchRows))
                    column = try Self.evaluate(&evaluator, operands, rowCount, bytesLeft, nulls)
                }
            } catch {
                throw error.located(at: "expression \(expression.name)")
            }
            bytesLeft -= column.byteCount
            made.append(column)
        }
        return plan.outputs.map { output in
            switch output.source {
            case .read(let place): reads[place]
            case .expression(let place): ReadCells(column: made[place], statuses: StatusColumn(valuesOf: made[place]))
            }
        }
    }

    private static func evaluate(
        _ evaluator: inout Evaluator, _ operands: [Operand], _ rowCount: Int, _ bytesMax: Int, _ nulls: ExpressionNulls?
    ) throws(HeadwaterError) -> Column {
        let before = evaluator.nulls
        let column = try evaluator.evaluate(operands, count: rowCount, bytesMax: bytesMax)
        nulls?.add(evaluator.nulls, since: before)
        return column
    }

    /// The outputs of a get: what the online store found, with the expressions.
    mutating func vectors(
        _ found: PackedColumns, request: [Column], now: Microseconds, bytesMax: Int = Limits.batchBytesMax
    ) throws(HeadwaterError) -> ServedVectors {
        let reads = zip(found.columns, found.cellStatuses).map(ReadCells.init)
        let outputs = try outputs(
            of: reads, request: request, time: .one(now), rowCount: found.header.rowCount, bytesMax: bytesMax)
        return ServedVectors(columns: outputs.map(\.column), statuses: outputs.map(\.statuses), position: found.header.tag)
    }

    /// An estimate of the bytes of a row of everything that is made, without texts and arrays.
    static func bytesPerRow(_ plan: FeaturePlan) -> Int {
        plan.expressions.reduce(0) { $0 + ($1.type.fixedWidth ?? 16) + 2 }
    }
}

/// The time for which an answer is given.
enum AnswerTime {
    case one(Microseconds)
    case column(Column)

    fileprivate var operand: Operand {
        switch self {
        case .one(let time): .value(.timestamp(time))
        case .column(let times): .column(times)
        }
    }
}

extension StatusColumn {
    /// PRESENT, or NULL_VALUE where the cell is null.
    fileprivate init(valuesOf column: Column) {
        self.init(Array(repeating: .present, count: column.count), nullsOf: column)
    }
}
