import FeatureModel
import TestSupport
import Testing

@Suite struct FeatureTypeTests {
    @Test(arguments: everyType + [.vector(Limits.vectorLengthMax)])
    func everyTypeReadsBackFromItsSpellingAndItsDescriptor(type: FeatureType) throws {
        #expect(try FeatureType.parse(type.description) == type)
        var bytes: [UInt8] = []
        type.appendDescriptor(to: &bytes)
        #expect(bytes.count == FeatureType.descriptorBytes)
        #expect(try FeatureType(descriptorIn: bytes[...], at: 0) == type)
        #expect(try FeatureType(descriptorIn: shifted([0] + bytes, by: 3), at: 1) == type)
    }

    /// Codes stand in files: these numbers may never change.
    @Test func codesArePermanent() {
        let codes = everyType.map { type in
            var bytes: [UInt8] = []
            type.appendDescriptor(to: &bytes)
            return bytes
        }
        let scalars = (1...8).map { [UInt8($0), 0, 0, 0, 0, 0, 0, 0] }
        let arrays = (1...8).map { [16, UInt8($0), 0, 0, 0, 0, 0, 0] }
        #expect(codes == scalars + arrays + [1, 3, 17].map { [17, 4, 0, 0, $0, 0, 0, 0] })
    }

    @Test(arguments: [
        "", "int", "Int32", "float64 ", " float64", "array", "array()", "array(float64", "array(array(int32))",
        "array(vector(3))",
        "vector()", "vector(0)", "vector(-1)", "vector(+5)", "vector(05)", "vector(65537)", "vector(1.5)",
        "vector(99999999999999999999)",
        "map(string)", "float64\0",
    ])
    func unknownSpellingsAreRefusedByName(text: String) {
        let error = refusal { try FeatureType.parse(text) }
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("'\(text)'") == true)
    }

    @Test func deepNestingIsRefusedWithoutRecursion() {
        let text = String(repeating: "array(", count: 200_000) + "int32" + String(repeating: ")", count: 200_000)
        #expect(refusal { try FeatureType.parse(text) }?.code == .invalidArgument)
    }

    @Test func unknownCodesAreRefusedByName() {
        for code in UInt8.min...UInt8.max where !(1...8).contains(code) && code != 16 && code != 17 {
            let error = refusal { try FeatureType(descriptorIn: [code, 0, 0, 0, 0, 0, 0, 0], at: 0) }
            #expect(error?.code == .unimplemented)
            #expect(error?.message.contains("type code \(code) ") == true)
        }
    }

    @Test(
        arguments: [
            [3, 1, 0, 0, 0, 0, 0, 0], [3, 0, 1, 0, 0, 0, 0, 0], [3, 0, 0, 1, 0, 0, 0, 0], [3, 0, 0, 0, 1, 0, 0, 0],
            [16, 0, 0, 0, 0, 0, 0, 0], [16, 16, 0, 0, 0, 0, 0, 0], [16, 17, 0, 0, 2, 0, 0, 0], [16, 3, 0, 0, 1, 0, 0, 0],
            [17, 5, 0, 0, 2, 0, 0, 0], [17, 4, 0, 0, 0, 0, 0, 0], [17, 4, 0, 0, 1, 0, 1, 0], [17, 4, 0, 0, 255, 255, 255, 255],
        ] as [[UInt8]])
    func descriptorsWithPartsThatMeanNothingAreRefused(bytes: [UInt8]) {
        #expect(refusal { try FeatureType(descriptorIn: bytes[...], at: 0) }?.code == .unimplemented)
    }

    @Test func onlyTheWideningsOfASchemaChangeAreWidenings() {
        for type in everyType {
            for wider in everyType {
                let allowed = type == wider || (type, wider) == (.int32, .int64) || (type, wider) == (.float32, .float64)
                #expect(type.widens(to: wider) == allowed, "\(type) to \(wider)")
            }
        }
    }

    @Test func keyTypesAreThoseThatCompareExactly() {
        #expect(everyKeyType == [.int32, .int64, .string, .bytes, .timestamp])
        #expect(everyType.filter(\.isKeyType) == everyKeyType)
    }
}
