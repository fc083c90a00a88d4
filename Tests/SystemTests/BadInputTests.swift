import Foundation
import ProcessSupport
import TestSupport
import Testing

extension SystemSuite {
    /// Each bad input gets a clear error, writes nothing, and leaves the server alive.
    @Suite(.serialized)
    struct BadInputTests {
        private static let farFuture = "3000-01-01T00:00:00Z"

        @Test func aBadFileIsRefusedAndNothingIsWritten() throws {
            let place = try open()
            let before = try place.lastPosition()
            for (group, csv, reasons) in [
                ("nothing", "id,seen,value\n1,5,5\n", ["nothing is called 'nothing'"]),
                ("things", "id,seen,value\n1,5,5\n2,6,many\n", ["row 2", "column value", "'many' is not an int64"]),
                ("things", "id,seen,value\n1,5,5\n,6,6\n", ["row 2", "column id", "null"]),
                ("things", "id,seen,value\n1,\(Self.farFuture),5\n", ["row 1", "column seen", "in the future"]),
                ("things", "id,seen,volume\n1,5,5\n", ["unknown column 'volume'", "value"]),
                ("things", "id,seen,value\n1,5\n", ["row 1", "2 cells where the header has 3"]),
                ("things", "id,seen,value\n1,5,9223372036854775808\n", ["row 1", "column value", "int64"]),
                ("things", "id,seen,value\n1,5,\"5\n", ["quote"]),
                ("things", "id,value\n1,5\n", ["missing column seen"]),
            ] {
                try place.write("bad.csv", csv)
                let refused = try place.run("write", group, "--from", "bad.csv")
                #expect(refused.ending == .exit(group == "nothing" ? 3 : 1))
                #expect(refused.output.isEmpty)
                for reason in reasons { #expect(refused.errors.contains(reason), "\(reason): \(refused.errors)") }
            }
            try expectUnchanged(place, position: before)
        }

        @Test func aBadDeleteIsRefusedAndNothingIsWritten() throws {
            let place = try open()
            let before = try place.lastPosition()
            for (arguments, reason) in [
                (["nothing", "--key", "id=1"], "nothing is called 'nothing'"),
                (["things", "--key", "name=1"], "'name' is no key"),
                (["things", "--key", "id=one"], "'one' is not an int64"), (["things", "--key", "id="], "null"),
                (["things", "--key", "id=1", "--event-time", Self.farFuture], "in the future"),
            ] {
                let refused = try place.run(["delete"] + arguments)
                #expect(refused.ending == .exit(arguments[0] == "nothing" ? 3 : 1))
                #expect(refused.errors.contains(reason), "\(arguments): \(refused.errors)")
            }
            // What only the server refuses may have opened a producer session: that is a record, but no row.
            let opened = try place.lastPosition()
            #expect(opened <= before + 1)
            try expectUnchanged(place, position: opened)
        }

        @Test func oneBadCellDeepInAFileIsNamed() throws {
            let place = try open()
            let before = try place.lastPosition()
            var csv = "id,seen,value\n"
            for row in 1...71_300 { csv += "\(row + 100),\(1_600_000_000_000_000 + row),\(row == 71_204 ? "1.5x" : "7")\n" }
            try place.write("large.csv", csv)
            let refused = try place.run("write", "things", "--from", "large.csv")
            #expect(refused.ending == .exit(1))
            #expect(refused.errors.contains("large.csv: row 71204 (line 71205), column value: '1.5x' is not an int64"))
            #expect(refused.errors.contains("nothing was written"))
            try expectUnchanged(place, position: before)
        }

        @Test func aServerEndsAConnectionThatSpeaksNonsenseAndServesTheOthers() throws {
            let place = try open()
            let before = try place.lastPosition()
            var random = SplitMix64(seed: 4_711)
            let garbage = (0..<8).map { _ in (0..<random.int(48...4_096)).map { _ in UInt8(random.int(0...255)) } }
            let hello: UInt16 = 1
            let others: [(String, [UInt8])] = [
                (
                    "another protocol",
                    Array("GET / HTTP/1.1\r\nHost: headwater\r\nAccept: text/html, everything else too\r\n\r\n".utf8)
                ),
                ("an oversized head", RawFrame.header(kind: 1, method: hello, id: 1, headBytes: .max, bodyBytes: 0)),
                ("an oversized body", RawFrame.header(kind: 1, method: hello, id: 1, headBytes: 0, bodyBytes: .max)),
                (
                    "a first frame over its limit",
                    RawFrame.header(kind: 1, method: hello, id: 1, headBytes: 65_000, bodyBytes: 600)
                ),
                ("a wrong checksum", RawFrame.header(kind: 1, method: hello, id: 1, headBytes: 0, bodyBytes: 0)),
                ("an unknown kind", RawFrame.header(kind: 99, method: hello, id: 1, headBytes: 0, bodyBytes: 0)),
            ]
            for (name, bytes) in garbage.enumerated().map({ ("garbage \($0)", $1) }) + others {
                let connection = try RawConnection(path: place.path("s.sock"))
                connection.send(bytes)
                #expect(connection.waitUntilClosed(seconds: 10), "\(name): still open")
                // It said why, in a frame of kind goAway; a browser is told in its own words.
                let answer = connection.received
                if name == "another protocol" {
                    #expect(answer.starts(with: "HTTP/1.1 400".utf8))
                    connection.close()
                    continue
                }
                #expect(answer.starts(with: "HWF1".utf8), "\(name): \(answer.count) bytes")
                #expect(answer.count > 5 && answer[5] == 7, "\(name)")
                connection.close()
            }
            try expectUnchanged(place, position: before)
        }

        @Test func connectionsThatFallSilentHoldUpNobody() throws {
            let place = try open()
            let before = try place.lastPosition()
            let header = RawFrame.header(kind: 1, method: 1, id: 1, headBytes: 20, bodyBytes: 0)
            // Not a byte, half a header, a header without what it announces.
            let silent = try [0, 24, header.count].flatMap { count in
                try (0..<20).map { _ in
                    let connection = try RawConnection(path: place.path("s.sock"))
                    connection.send(Array(header.prefix(count)))
                    return connection
                }
            }
            let got = try place.run(
                ["get", "--features", "things:value", "--entity", "id=1", "--json"], seconds: 20)
            #expect(got.succeeded && got.output.contains("PRESENT"), "\(got.errors)")
            try expectUnchanged(place, position: before)
            for connection in silent { connection.close() }
            try place.succeed(["write", "things", "--from", "-"], input: StormRows.csv(10..<20))
        }

        /// A server with ten rows.
        private func open() throws -> Place {
            let place = try Place()
            try place.start("serve")
            try place.write("things.yaml", StormRows.definitions)
            try place.succeed("apply", "things.yaml")
            try place.succeed(["write", "things", "--from", "-"], input: StormRows.csv(0..<10))
            return place
        }

        private func expectUnchanged(_ place: Place, position: Int) throws {
            #expect(try place.lastPosition() == position)
            #expect(try place.succeed("scan", "things", "--deletes", "--out", "-").lines.count == 11)
        }
    }
}
