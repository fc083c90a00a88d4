extension Registers {
    mutating func run(_ operation: LogicOperation, _ step: Instruction, _ count: Int) {
        switch operation {
        case .not: map(step, count) { $0 ^ 1 }
        case .and: known(by: 0, step, count)
        case .or: known(by: 1, step, count)
        case .isNull: nulls(step, count, flip: 1)
        case .isNotNull: nulls(step, count, flip: 0)
        case .coalesce: coalesce(step, count)
        case .select: select(step, count)
        case .nullWhere: nullWhere(step, count)
        }
    }

    /// `and` is known by a false, `or` by a true, whatever the other side is.
    @inline(__always)
    private mutating func known(by deciding: UInt64, _ step: Instruction, _ count: Int) {
        let (out, a, b) = (step.out &* rows, step.a &* rows, step.b &* rows)
        Registers.withSpans(&words, &valid, &nulls) { words, valid, _ in
            for row in 0..<count {
                let (left, right) = (words[a &+ row], words[b &+ row])
                let (hasLeft, hasRight) = (valid[a &+ row], valid[b &+ row])
                let decided = hasLeft == 1 && left == deciding || hasRight == 1 && right == deciding
                words[out &+ row] = decided ? deciding : deciding ^ 1
                valid[out &+ row] = decided ? 1 : hasLeft & hasRight
            }
        }
    }

    private mutating func nulls(_ step: Instruction, _ count: Int, flip: UInt8) {
        let (out, a) = (step.out &* rows, step.a &* rows)
        Registers.withSpans(&words, &valid, &nulls) { words, valid, _ in
            for row in 0..<count {
                words[out &+ row] = UInt64(valid[a &+ row] ^ flip)
                valid[out &+ row] = 1
            }
        }
    }

    private mutating func coalesce(_ step: Instruction, _ count: Int) {
        let (out, a, b) = (step.out &* rows, step.a &* rows, step.b &* rows)
        Registers.withSpans(&words, &valid, &nulls) { words, valid, _ in
            for row in 0..<count {
                let hasLeft = valid[a &+ row]
                words[out &+ row] = hasLeft == 1 ? words[a &+ row] : words[b &+ row]
                valid[out &+ row] = hasLeft | valid[b &+ row]
            }
        }
    }

    private mutating func select(_ step: Instruction, _ count: Int) {
        let (out, a, b, c) = (step.out &* rows, step.a &* rows, step.b &* rows, step.c &* rows)
        Registers.withSpans(&words, &valid, &nulls) { words, valid, _ in
            for row in 0..<count {
                let chosen = valid[a &+ row] == 1 && words[a &+ row] == 1 ? b : c
                words[out &+ row] = words[chosen &+ row]
                valid[out &+ row] = valid[chosen &+ row]
            }
        }
    }

    private mutating func nullWhere(_ step: Instruction, _ count: Int) {
        let (out, a, b) = (step.out &* rows, step.a &* rows, step.b &* rows)
        Registers.withSpans(&words, &valid, &nulls) { words, valid, _ in
            for row in 0..<count {
                let isTrue = valid[a &+ row] == 1 && words[a &+ row] == 1
                words[out &+ row] = words[b &+ row]
                valid[out &+ row] = isTrue ? 0 : valid[b &+ row]
            }
        }
    }

    mutating func compare(_ kind: ComparedKind, _ relation: Relation, _ step: Instruction, _ count: Int) {
        switch kind {
        case .integers: compareIntegers(relation, step, count)
        case .floats: compareFloats(relation, step, count)
        case .texts: compareTexts(relation, step, count)
        case .integerWithFloat:
            map(step, count) { UInt64(relation.holds(Order.compare($0.integer, $1.float))) }
        case .floatWithInteger:
            map(step, count) { UInt64(relation.holds(-Order.compare($1.integer, $0.float))) }
        }
    }

    private mutating func compareIntegers(_ relation: Relation, _ step: Instruction, _ count: Int) {
        switch relation {
        case .equal: map(step, count) { UInt64($0 == $1) }
        case .notEqual: map(step, count) { UInt64($0 != $1) }
        case .less: map(step, count) { UInt64($0.integer < $1.integer) }
        case .lessOrEqual: map(step, count) { UInt64($0.integer <= $1.integer) }
        case .greater: map(step, count) { UInt64($0.integer > $1.integer) }
        case .greaterOrEqual: map(step, count) { UInt64($0.integer >= $1.integer) }
        }
    }

    private mutating func compareFloats(_ relation: Relation, _ step: Instruction, _ count: Int) {
        switch relation {
        case .equal: map(step, count) { UInt64(Order.equal($0.float, $1.float)) }
        case .notEqual: map(step, count) { UInt64(!Order.equal($0.float, $1.float)) }
        case .less: map(step, count) { UInt64(Order.less($0.float, $1.float)) }
        case .lessOrEqual: map(step, count) { UInt64(!Order.less($1.float, $0.float)) }
        case .greater: map(step, count) { UInt64(Order.less($1.float, $0.float)) }
        case .greaterOrEqual: map(step, count) { UInt64(!Order.less($0.float, $1.float)) }
        }
    }

    private mutating func compareTexts(_ relation: Relation, _ step: Instruction, _ count: Int) {
        heapMap(step, count) { left, right, _, heap, _ in
            switch relation {
            case .equal: UInt64(heap.hasSameText(left, right))
            case .notEqual: UInt64(!heap.hasSameText(left, right))
            case .less: UInt64(heap.isText(left, before: right))
            case .lessOrEqual: UInt64(!heap.isText(right, before: left))
            case .greater: UInt64(heap.isText(right, before: left))
            case .greaterOrEqual: UInt64(!heap.isText(left, before: right))
            }
        }
    }

    mutating func extreme(_ kind: CellKind, greatest: Bool, _ step: Instruction, _ count: Int) {
        switch kind {
        case .integer:
            extreme(step, count) { left, right, _ in (left.integer < right.integer) != greatest ? left : right }
        case .float:
            extreme(step, count) { left, right, _ in
                (greatest ? Order.precedes(right.float, left.float) : Order.precedes(left.float, right.float)) ? left : right
            }
        case .text:
            extreme(step, count) { left, right, heap in
                (greatest ? heap.isText(right, before: left) : heap.isText(left, before: right)) ? left : right
            }
        }
    }

    @inline(__always)
    private mutating func extreme(_ step: Instruction, _ count: Int, _ body: (UInt64, UInt64, borrowing Heap) -> UInt64) {
        let (out, a, b) = (step.out &* rows, step.a &* rows, step.b &* rows)
        Registers.withSpans(&words, &valid, &nulls, &heap) { words, valid, _, heap in
            for row in 0..<count {
                let (left, right) = (words[a &+ row], words[b &+ row])
                let (hasLeft, hasRight) = (valid[a &+ row], valid[b &+ row])
                words[out &+ row] = hasLeft == 0 ? right : hasRight == 0 ? left : body(left, right, heap)
                valid[out &+ row] = hasLeft | hasRight
            }
        }
    }
}

extension Relation {
    /// Whether it holds between two values that compare as -1, 0 or 1.
    @inline(__always)
    func holds(_ comparison: Int) -> Bool {
        switch self {
        case .equal: comparison == 0
        case .notEqual: comparison != 0
        case .less: comparison < 0
        case .lessOrEqual: comparison <= 0
        case .greater: comparison > 0
        case .greaterOrEqual: comparison >= 0
        }
    }
}
