import FeatureModel
import Foundation
import StorageIO
import Testing

@Suite struct OpenDescriptorTests {
    @Test func whatIsThereIsGivenAndTheEndIsEmpty() throws {
        let pipe = Pipe()
        let descriptor = OpenDescriptor(pipe.fileHandleForReading.fileDescriptor, name: "a pipe")
        try pipe.fileHandleForWriting.write(contentsOf: Data("abcde".utf8))
        #expect(try descriptor.readAvailable(countMax: 3) == Array("abc".utf8))
        #expect(try descriptor.readAvailable(countMax: 3) == Array("de".utf8))
        try pipe.fileHandleForWriting.close()
        #expect(try descriptor.readAvailable(countMax: 3).isEmpty)
    }

    @Test func whatCannotBeReadIsNamed() throws {
        let directory = try #require(FileHandle(forReadingAtPath: "/"))
        let error = #expect(throws: HeadwaterError.self) {
            try OpenDescriptor(directory.fileDescriptor, name: "standard input").readAvailable(countMax: 3)
        }
        #expect(error?.code == .unavailable && error?.location == "standard input")
    }
}
