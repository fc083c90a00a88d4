import FeatureModel

/// Texts, casts, hashes and documents.
extension Evaluation {
    func run(_ function: TextFunction, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let x = registers[inputs[0]].texts
        let y = inputs.count > 1 ? registers[inputs[1]].texts : x
        var overflows = 0
        for row in 0..<count where out.valid[row] {
            switch function {
            case .concatenate: out.texts[row] = x[row] + y[row]
            case .lower: out.texts[row] = TextFunctions.lower(x[row])
            case .upper: out.texts[row] = TextFunctions.upper(x[row])
            case .trim: out.texts[row] = TextFunctions.trim(x[row])
            case .length: out.integers[row] = Int64(TextFunctions.length(x[row]))
            case .byteLength: out.integers[row] = Int64(x[row].count)
            case .substring:
                let taken = inputs.count > 2 ? registers[inputs[2]].integers[row] : nil
                out.texts[row] = TextFunctions.substring(x[row], from: registers[inputs[1]].integers[row], count: taken)
            case .startsWith: out.bools[row] = x[row].starts(with: y[row])
            case .contains: out.bools[row] = TextFunctions.first(y[row], in: x[row]) != nil
            case .replace:
                if let text = TextFunctions.replace(y[row], in: x[row], by: registers[inputs[2]].texts[row]) {
                    out.texts[row] = text
                } else {
                    out.valid[row] = false
                    overflows += 1
                }
            case .split: out.lists[row] = TextFunctions.split(x[row], at: y[row]).map { .string(ByteString($0)) }
            }
        }
        // A cell has its limit, and what is longer would be refused where it is sent.
        if function == .concatenate {
            let made = out.texts
            refuse(.overflow, count, &out) { made[$0].count > Limits.cellBytesMax }
        }
        add(.overflow, overflows)
    }

    func cast(from type: FeatureType, to other: FeatureType, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let input = registers[inputs[0]]
        var refused = 0
        for row in 0..<count where out.valid[row] {
            var isThere = true
            func integer(_ value: Int64?) {
                if let value { out.integers[row] = value } else { isThere = false }
            }
            switch (type.laneKind, other.laneKind) {
            case (.integers, .integers): integer(Cast.integer(input.integers[row], as: other))
            case (.integers, .floats):
                out.floats[row] = other == .float32 ? Double(Float(input.integers[row])) : Double(input.integers[row])
            case (.integers, .bools): out.bools[row] = input.integers[row] != 0
            case (.integers, .texts): out.texts[row] = Cast.text(integer: input.integers[row], of: type)[...]
            case (.floats, .integers):
                integer(Cast.integer(input.floats[row]).flatMap { Cast.integer($0, as: other) })
            case (.floats, .floats): out.floats[row] = other == .float32 ? Double(Float(input.floats[row])) : input.floats[row]
            case (.floats, .texts): out.texts[row] = Cast.text(float: input.floats[row], of: type)[...]
            case (.bools, .integers): out.integers[row] = input.bools[row] ? 1 : 0
            case (.bools, .texts): out.texts[row] = Array((input.bools[row] ? "true" : "false").utf8)[...]
            case (.texts, .integers):
                let text = input.texts[row]
                if other == .timestamp {
                    integer(TimeText.parseRFC3339(String(decoding: text, as: UTF8.self)))
                } else {
                    integer(NumberText.int64(text).flatMap { Cast.integer($0, as: other) })
                }
            case (.texts, .floats):
                if let float = Cast.float(input.texts[row], as: other) { out.floats[row] = float } else { isThere = false }
            case (.texts, .bools):
                if let bool = Cast.bool(input.texts[row]) { out.bools[row] = bool } else { isThere = false }
            case (.texts, .texts):
                if other == .string, !Cast.isUTF8(input.texts[row]) { isThere = false } else { out.texts[row] = input.texts[row] }
            default: preconditionFailure("\(type) is not cast to \(other)")
            }
            if !isThere {
                out.valid[row] = false
                refused += 1
            }
        }
        add(.cast, refused)
    }

    func hash(_ type: FeatureType, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        for row in 0..<count where out.valid[row] {
            let hash = CanonicalHash.hash(registers[inputs[0]].value(row, as: type))
            out.integers[row] = Int64(bitPattern: hash)
        }
    }

    func bucket(_ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let (hashes, buckets) = (registers[inputs[0]].integers, registers[inputs[1]].integers)
        refuse(.domain, count, &out) { buckets[$0] < 1 }
        for row in 0..<count where out.valid[row] {
            out.integers[row] = Int64(UInt64(bitPattern: hashes[row]) % UInt64(buckets[row]))
        }
    }

    func run(_ function: JSONFunction, _ inputs: [Int], _ count: Int, _ out: inout Lanes) {
        copyValidity(inputs, count, &out)
        let (documents, paths) = (registers[inputs[0]].texts, registers[inputs[1]].texts)
        var absent = 0
        for row in 0..<count where out.valid[row] {
            let found = JSONLookup.find(paths[row], in: documents[row])
            switch function {
            case .text:
                if let text = found?.text { out.texts[row] = text[...] } else { out.valid[row] = false }
            case .number:
                if let number = found?.number { out.floats[row] = number } else { out.valid[row] = false }
            }
            if !out.valid[row] { absent += 1 }
        }
        add(.absent, absent)
    }
}
