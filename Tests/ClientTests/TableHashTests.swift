import Catalog
import Client
import FeatureModel
import TestSupport
import Testing

@Suite struct TableHashTests {
    @Test func digestsAreThoseOfTheStandard() {
        // FIPS 180-4's examples.
        let digests = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
        ]
        for (text, digest) in digests { #expect(SHA256.digest(of: Array(text.utf8)[...]).hexadecimal == digest) }
        let hash = SHA256()
        hash.update(Array("a".utf8)[...])
        hash.update(Array("bc".utf8)[...])
        #expect(hash.finish().hexadecimal == digests[1].1)
        #expect(hash.finish().hexadecimal == digests[0].1)
    }

    /// By Python: hashlib over struct.pack of the bytes that docs/formats/dataset.md tells.
    @Test func aTablesHashIsTheOneOfTheFormat() {
        var hash = TableHash([Field("k", .int64), Field("x", .float64), Field("s", .string), Field("a", .array(.int32))])
        hash.append([
            column(.int64, [.int64(1), .int64(-2), .null]), column(.float64, [.float64(1.5), .float64(-.nan), .null]),
            column(.string, [.string("é"), .null, .string("")]),
            column(.array(.int32), [.array([.int32(7), .null]), .array([]), .null]),
        ])
        let table = hash.finish()
        #expect(
            table.columns.map(\.hash) == [
                "cbeeb8fbad9e99efab7c8c4e2757d1ffc2b71f0cb3183369792b7a4bf530227c",
                "759223b7f4d56421784b164499f5b61951d8605dfc44d68f5341821cd0f2220f",
                "1968b6f0649c554832339f5589b9e4bce429d9e856b666dc8af58eb758a77a43",
                "5d37d37ef55f84c4a82042f8cf440377c402fb66c028e38effae639936d66ef2",
            ])
        #expect(table.hash == "a08deb02e371777835434d9daa489e670732d6219519881e4a4499bf1dde9926")
    }

    @Test(arguments: everyType) func partsDoNotMatter(_ type: FeatureType) {
        var random = SplitMix64(seed: 0x0DA7_A5E7)
        let values = random.values(type, count: 80, nulls: 0.2)
        let whole = hash(type, [values])
        for _ in 0..<10 {
            var parts: [[Value]] = []
            var rest = values[...]
            while !rest.isEmpty {
                let count = random.int(0...20)
                parts.append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            }
            #expect(hash(type, parts) == whole)
        }
    }

    @Test(arguments: everyType) func eachCellMatters(_ type: FeatureType) {
        var random = SplitMix64(seed: 0x0DA7_A5E8)
        let values = random.values(type, count: 12, nulls: 0.2)
        let whole = hash(type, [values])
        for row in values.indices {
            var others = values
            repeat { others[row] = random.value(type, nulls: 0.2) } while same(others[row], values[row])
            #expect(hash(type, [others]) != whole, "row \(row)")
        }
        #expect(hash(type, [values + [.null]]) != whole)
    }

    @Test func statusesNamesTypesAndSignsMatter() {
        func hashed(_ field: Field, _ column: Column, _ status: CellStatus) -> String {
            var hash = TableHash([field])
            hash.append([column], statuses: [StatusColumn(status, count: column.count)])
            return hash.finish().hash
        }
        let null = Column.nulls(.float64, count: 1)
        let nulls = [CellStatus.nullValue, .notFound, .outsideMaxAge].map { hashed(Field("x", .float64), null, $0) }
        let zeros = [0.0, -0.0].map { hashed(Field("x", .float64), column(.float64, [.float64($0)]), .present) }
        let others = [
            hashed(Field("y", .float64), null, .nullValue),
            hashed(Field("x", .int64), Column.nulls(.int64, count: 1), .nullValue),
        ]
        #expect(Set(nulls + zeros + others).count == 7)
        let nans = [Double.nan, -.nan, .init(nan: 7, signaling: false), .signalingNaN]
        #expect(Set(nans.map { hashed(Field("x", .float64), column(.float64, [.float64($0)]), .present) }).count == 1)
    }

    private func hash(_ type: FeatureType, _ parts: [[Value]]) -> String {
        var hash = TableHash([Field("x", type)])
        for part in parts { hash.append([column(type, part)]) }
        return hash.finish().hash
    }

    private func column(_ type: FeatureType, _ values: [Value]) -> Column {
        var builder = ColumnBuilder(type)
        for value in values {
            do { try builder.append(value) } catch { preconditionFailure("\(error)") }
        }
        return builder.finish()
    }

    /// Whether both have the same canonical form: any NaN is every NaN, and zeros keep their sign.
    private func same(_ left: Value, _ right: Value) -> Bool { "\(oneNaN(left))" == "\(oneNaN(right))" }

    private func oneNaN(_ value: Value) -> Value {
        switch value {
        case .float32(let number): number.isNaN ? .float32(.nan) : value
        case .float64(let number): number.isNaN ? .float64(.nan) : value
        case .vector(let numbers): .vector(numbers.map { $0.isNaN ? .nan : $0 })
        case .array(let elements): .array(elements.map(oneNaN))
        default: value
        }
    }
}
