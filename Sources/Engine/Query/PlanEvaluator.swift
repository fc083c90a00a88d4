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

    private let plan: FeaturePlan
    private var evaluators: [Evaluator]
    private let nulls: ExpressionNulls?

    /// - Parameter nulls: counts the nulls that the expressions make.
    public init(_ plan: FeaturePlan, nulls: ExpressionNulls?) {
        self.plan = plan
        self.nulls = nulls
        evaluators = plan.expressions.map { Evaluator($0.expression) }
    }

    /// The outputs of the plan, in its order.
    ///
    /// - Parameters:
    ///   - reads: a feature for each of the plan's `reads`.
    ///   - request: a column for each of the plan's `request`.
    ///   - time: of the answer: one for all rows, or a column of them.
    /// - Throws: `.resourceExhausted` where texts or lists that expressions make are too large together.
    mutating func outputs(
        of reads: [ReadCells], request: [Column], time: AnswerTime, rowCount: Int
    ) throws(HeadwaterError) -> [ReadCells] {
        var made: [Column] = []
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
            let before = evaluators[place].nulls
            do throws(HeadwaterError) {
                made.append(try evaluators[place].evaluate(operands, count: rowCount))
            } catch {
                throw error.located(at: "expression \(expression.name)")
            }
            nulls?.add(evaluators[place].nulls, since: before)
        }
        return plan.outputs.map { output in
            switch output.source {
            case .read(let place): reads[place]
            case .expression(let place): ReadCells(column: made[place], statuses: StatusColumn(valuesOf: made[place]))
            }
        }
    }

    /// The outputs of a get: what the online store found, with the expressions.
    mutating func vectors(
        _ found: PackedColumns, request: [Column], now: Microseconds
    ) throws(HeadwaterError) -> ServedVectors {
        let reads = zip(found.columns, found.cellStatuses).map(ReadCells.init)
        let outputs = try outputs(of: reads, request: request, time: .one(now), rowCount: found.header.rowCount)
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
