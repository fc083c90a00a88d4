public import FeatureModel

extension SplitMix64 {
    /// A cell of this type, often one from the edges of the type; null with probability `nulls`, in arrays too.
    public mutating func value(_ type: FeatureType, nulls: Double = 0) -> Value {
        if chance(nulls) { return .null }
        switch type {
        case .bool: return .bool(chance(0.5))
        case .int32: return .int32(chance(0.3) ? pick([.min, -1, 0, 1, .max]) : Int32(truncatingIfNeeded: next()))
        case .int64: return .int64(integer())
        case .timestamp: return .timestamp(integer())
        case .float32: return .float32(float32())
        case .float64: return .float64(float64())
        case .string: return .string(text())
        case .bytes:
            return .bytes(ByteString((0..<int(0...9)).map { _ in chance(0.3) ? pick([0, 1, 0xFF]) : UInt8(int(0...255)) }))
        case .array(let element): return .array((0..<int(0...5)).map { _ in value(element, nulls: nulls) })
        case .vector(let length): return .vector((0..<length).map { _ in float32() })
        }
    }

    /// Boxed cells of one type.
    public mutating func values(_ type: FeatureType, count: Int, nulls: Double = 0) -> [Value] {
        (0..<count).map { _ in value(type, nulls: nulls) }
    }

    public mutating func column(_ type: FeatureType, count: Int, nulls: Double = 0.2) -> Column {
        var builder = ColumnBuilder(type)
        for _ in 0..<count {
            do { try builder.append(value(type, nulls: nulls)) } catch { preconditionFailure("\(error)") }
        }
        return builder.finish()
    }

    /// Rows of a group: keys and times without nulls, each feature missing with a small probability.
    public mutating func batch(_ schema: GroupSchema, rowCount: Int, nulls: Double = 0.2) -> Batch {
        var columns: [(ordinal: Int, column: Column)] = []
        for (ordinal, field) in schema.columns.enumerated() {
            let isFeature = ordinal >= schema.featureBase
            if isFeature && chance(0.1) { continue }
            columns.append((ordinal, column(field.type, count: rowCount, nulls: isFeature ? nulls : 0)))
        }
        return Batch(rowCount: rowCount, columns: columns)
    }

    private mutating func integer() -> Int64 {
        chance(0.3) ? pick([.min, -1, 0, 1, .max]) : Int64(bitPattern: next()) >> Int64(int(0...63))
    }

    private mutating func float32() -> Float {
        // Two NaNs with payloads among them: bits are kept, not numbers.
        let edges: [UInt32] = [0, 0x8000_0000, 0x7F80_0000, 0xFF80_0000, 0x7FC0_0001, 0xFFC0_1234, 1, 0x7F7F_FFFF]
        return Float(bitPattern: chance(0.3) ? pick(edges) : UInt32(truncatingIfNeeded: next()) & ~0x7F80_0000 | 0x3F80_0000)
    }

    private mutating func float64() -> Double {
        let edges: [UInt64] = [0, 1 << 63, 0x7FF << 52, 0xFFF << 52, 0x7FF8 << 48 | 7, 0xFFF8 << 48 | 99, 1]
        return chance(0.3) ? Double(bitPattern: pick(edges)) : Double.random(in: -1e6...1e6, using: &self)
    }

    private mutating func text() -> ByteString {
        let pieces = ["a", "b", "Z", "\0", "\u{1}", "\u{E9}", "e\u{301}", "\u{FF}", "日", "🜁", "\u{10FFFF}", " ", "\"", ",", "\n"]
        return ByteString((0..<int(0...6)).map { _ in pick(pieces) }.joined())
    }
}
