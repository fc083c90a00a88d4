import Foundation
import TestSupport
import Testing

extension SystemSuite {
    /// Point in time, through commands and sockets, equals a walk over all rows.
    @Suite(.serialized)
    struct HistoryOracleTests {
        private static let seeds: [UInt64] = (1...20).map { $0 * 7_919 }

        @Test func historyEqualsAWalkOverAllRows() throws {
            let place = try Place()
            try place.start("serve")
            var worlds = Self.seeds.enumerated().map { RandomGroup(number: $0, seed: $1) }
            try place.write("groups.yaml", RandomGroup.definitions(worlds))
            try place.succeed("apply", "groups.yaml")
            for index in worlds.indices { try worlds[index].write(to: place) }
            for world in worlds { try expectEqual(world, in: place, "rows in memory") }
            let compacted = try place.succeed("compact", "--json").json()
            #expect(compacted["chunks_after"] as? Int == worlds.count)
            for world in worlds { try expectEqual(world, in: place, "compacted") }
            // Chunks and memory together: late rows, ties and deletes meet rows that lie in chunks.
            for index in worlds.indices { try worlds[index].write(to: place) }
            for world in worlds { try expectEqual(world, in: place, "chunks and memory") }
            let audit = try place.succeed("audit", "--json").json()
            #expect(audit["difference_count"] as? Int == 0)
            print(
                "history equals a walk over \(worlds.reduce(0) { $0 + $1.rowCount }) rows of \(worlds.count) groups, "
                    + "seeds \(Self.seeds)")
        }

        private func expectEqual(_ world: RandomGroup, in place: Place, _ stage: String) throws {
            var random = SplitMix64(seed: world.seed &+ 1)
            let spine = world.spine(&random)
            let arguments = [
                "history", "--spine", "-", "--features", "\(world.name):v,\(world.name):s", "--statuses", "--time-unit", "us",
                "--out", "-",
            ]
            let input = (["k,event_time"] + spine.map { "\($0.text),\($0.time)" }).joined(separator: "\n") + "\n"
            // As things are, and as they were after one of the requests.
            for asOf in [nil, random.pick(world.positions)] {
                let got = try place.succeed(arguments + (asOf.map { ["--as-of", "\($0)"] } ?? []), input: input).lines
                let expected =
                    ["k,event_time,v,v__status,s,s__status"]
                    + spine.map { "\($0.text),\($0.time)," + world.cells(key: $0.key, time: $0.time, asOf: asOf) }
                try #require(got.count == expected.count)
                for (row, pair) in zip(got, expected).enumerated() where pair.0 != pair.1 {
                    Issue.record(
                        "seed \(world.seed), \(stage), as of \(asOf ?? -1), row \(row): '\(pair.0)', expected '\(pair.1)'; \(world)"
                    )
                    return
                }
            }
        }
    }
}
