import Catalog
import Engine
import FeatureModel
import Log
import StorageIO
import TestDisks
import Testing

/// What is kept for reads, and directories that are read where no server runs.
@Suite struct QueryTests {
    private func entry(_ features: [String], _ store: Store) throws -> HandleTable.Entry {
        try HandleTable.Entry(project: "shop", .features(features), fullNames: false, catalog: store.online.state.catalog)
    }

    @Test func oneListOfAConnectionHasOneHandleHoweverOftenItIsPrepared() throws {
        let store = try Store(MemoryStorage())
        try store.define()
        let handles = HandleTable()
        for _ in 0..<2 * HandleTable.handlesMax {
            #expect(try handles.insert(entry(["orders:amount"], store), connection: 1) == 1)
        }
        #expect(try handles.insert(entry(["orders:note"], store), connection: 1) == 2)
        #expect(try handles.insert(entry(["orders:note"], store), connection: 2) == 1)
        // With another age the same names are another list, and the old handle stays what it was.
        try store.define(Store.definitions.replacing("max_age: 30d", with: "max_age: 10d"))
        #expect(try handles.insert(entry(["orders:amount"], store), connection: 1) == 3)
        #expect(
            try handles.entry(1, connection: 1).plan.lookups[0].maxAge != handles.entry(3, connection: 1).plan.lookups[0].maxAge)
        for wrong in [0, 4, UInt64.max] {
            #expect(throws: HeadwaterError.self) { try handles.entry(wrong, connection: 1) }
        }
        handles.remove(connection: 1)
        #expect(throws: HeadwaterError.self) { try handles.entry(1, connection: 1) }
    }

    @Test func listsThatDifferInBytesAloneAreDifferentLists() {
        #expect(FeatureSelection.service("\u{E9}") != .service("e\u{301}"))
        #expect(FeatureSelection.features(["g:\u{E9}"]) != .features(["g:e\u{301}"]))
        #expect(FeatureSelection.service("g:f") != .features(["g:f"]))
        #expect(FeatureSelection.features(["g:f", "g:h"]) == .features(["g:f", "g:h"]))
    }

    @Test func aDirectoryWithNothingButALogTellsItsDefinitions() throws {
        let disk = MemoryStorage()
        let store = try Store(disk)
        try store.define()
        try store.online.close()
        let cut = disk.kill()
        for folder in ["data/online", "data/offline"] {
            for name in try cut.list(folder) { try cut.remove(folder + "/" + name) }
        }
        // A snapshot that nobody can read is no hindrance either.
        let file = try cut.open("data/online/snapshot-00000000000000000009.hws", .create)
        try file.write([1, 2, 3], at: 0)
        file.close()
        let catalog = try DataDirectory("data", storage: cut).catalog()
        #expect(catalog.projectNames == ["shop"] && catalog.allGroups.count == 2)
    }
}
