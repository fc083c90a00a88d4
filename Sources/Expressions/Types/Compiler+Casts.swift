internal import FeatureModel

extension Compiler {
    mutating func cast(
        _ operand: SyntaxTree.Place, to type: FeatureType, at place: SyntaxTree.Place
    ) throws(HeadwaterError) -> Typed {
        guard let own = self.type(operand) else { return (type, builder.constant(.null)) }
        guard let steps = Casts.steps(from: own, to: type) else {
            throw error(place, "\(own.withArticle) is not cast to \(type)\(Casts.hint(from: own, to: type))")
        }
        var register = register(operand)
        for (operation, result) in steps { register = builder.emit(.cast(operation), [register], gives: result) }
        return (type, register)
    }
}

enum Casts {
    /// The instructions of a cast, with the type that each gives; `nil` where there is no such cast.
    static func steps(from: FeatureType, to: FeatureType) -> [(CastOperation, FeatureType)]? {
        if from.widens(to: to) { return [] }
        switch (from, to) {
        case (.bool, .int32), (.bool, .int64), (.timestamp, .int64), (.int64, .timestamp), (.int32, .timestamp): return []
        case (.int64, .int32): return [(.integerToInt32, .int32)]
        case (.int32, .bool), (.int64, .bool): return [(.integerToBool, .bool)]
        case (.bool, .float64), (.int32, .float64), (.int64, .float64): return [(.integerToFloat, .float64)]
        case (.bool, .float32), (.int32, .float32), (.int64, .float32):
            return [(.integerToFloat, .float64), (.floatToFloat32, .float32)]
        case (.float64, .float32): return [(.floatToFloat32, .float32)]
        case (.float32, .int64), (.float64, .int64): return [(.floatToInteger, .int64)]
        case (.float32, .int32), (.float64, .int32): return [(.floatToInteger, .int64), (.integerToInt32, .int32)]
        case (.bool, .string): return [(.boolToText, .string)]
        case (.int32, .string), (.int64, .string): return [(.integerToText, .string)]
        case (.float32, .string): return [(.float32ToText, .string)]
        case (.float64, .string): return [(.floatToText, .string)]
        case (.timestamp, .string): return [(.timestampToText, .string)]
        case (.bytes, .string): return [(.bytesToText, .string)]
        case (.string, .bytes): return []
        case (.string, .bool): return [(.textToBool, .bool)]
        case (.string, .int64): return [(.textToInteger, .int64)]
        case (.string, .int32): return [(.textToInteger, .int64), (.integerToInt32, .int32)]
        case (.string, .float64): return [(.textToFloat, .float64)]
        case (.string, .float32): return [(.textToFloat, .float64), (.floatToFloat32, .float32)]
        case (.string, .timestamp): return [(.textToTimestamp, .timestamp)]
        case (.array, .array): return FeatureType.common(from, to) == to ? [] : nil
        default: return nil
        }
    }

    static func hint(from: FeatureType, to: FeatureType) -> String {
        switch (from, to) {
        case (.timestamp, _) where to.isNumber: ": use seconds_between(x, y), or cast(… as int64) for microseconds since 1970"
        case (.float32, .timestamp), (.float64, .timestamp):
            ": write cast(cast(… as int64) as timestamp) for microseconds since 1970"
        case (.array, _): ": take an element with list_at(list, 1)"
        default: ""
        }
    }
}
