import Catalog
import FeatureModel
import Testing

@Suite struct PlanTextTests {
    @Test func aPlanOfSomethingNewShowsAllItsFields() throws {
        let text = """
            project: p
            entities:
              - {name: user, description: who buys, tags: {tier: gold}, keys: [{name: id, type: int64, description: of the account}]}
            feature_groups:
              - name: orders
                entity: user
                event_time: t
                available_time: seen
                max_age: 3h
                retention: 400d
                ahead: 1m
                description: what was bought
                owner: ops@example.com
                tags: {b: two, a: one}
                features:
                  - {name: total, type: float64, description: in euro, tags: {pii: "no"}, checks: {min: 0, max: 10.5, not_null: true}}
                  - {name: state, type: string, checks: {one_of: [open, paid], max_length: 4}}
            feature_services:
              - {name: churn, description: leaves, owner: me, tags: {x: y}, features: ["orders:total"]}
            """
        #expect(
            try Catalog().plan(load(text).definitions).lines == [
                "project p",
                "+ entity user", "    + keys (id int64)", "    + key id: description of the account",
                "    + description who buys",
                "    + tags {tier: gold}",
                "+ feature group orders@1", "    + entity user, keys (id int64), event_time t", "    + available_time seen",
                "    + max_age 3h", "    + retention 400d", "    + ahead 1m", "    + description what was bought",
                "    + owner ops@example.com", "    + tags {a: one, b: two}",
                "    + feature total float64, checks {min: 0, max: 10.5, not_null: true}, tags {pii: no}, description in euro",
                "    + feature state string, checks {one_of: [open, paid], max_length: 4}",
                "+ feature service churn@1", "    + description leaves", "    + owner me", "    + tags {x: y}",
                "    + orders@1:total",
                "3 created, 0 changed, 0 refused; 0 stay as they are",
            ])
    }

    @Test func aNewFeatureOfAKnownGroupShowsItsChecks() throws {
        var catalog = try flights()
        let text = flightsYAML.replacing(
            "- {name: temp,", with: "- {name: gust, type: float32, checks: {min: 1}}\n      - {name: temp,")
        #expect(try apply(text, to: &catalog).lines.contains("    + feature gust float32, checks {min: 1}"))
    }

    private func groups(_ range: Range<Int>) -> String {
        "project: p\nentities: [{name: e, keys: [{name: id, type: int64}]}]\nfeature_groups:\n"
            + range.map { "  - {name: g\($0), entity: e, features: [{name: x, type: float64}, {name: y, type: float64}]}\n" }
            .joined()
    }

    @Test func aPlanOfAThousandDefinitionsIsALineEach() throws {
        let lines = try Catalog().plan(load(groups(0..<1_000)).definitions).lines
        #expect(lines.count == 1_004 && lines[2] == "+ feature group g0@1")
        #expect(lines[1_002] == "fields of what is created are left out, as there is much of it: --json has them")
    }

    @Test func whatStaysIsCountedWhereThereIsMuchOfIt() throws {
        var catalog = Catalog()
        try apply(groups(0..<1_000), to: &catalog)
        #expect(
            try catalog.plan(load(groups(1_000..<1_001)).definitions).lines == [
                "project p", "= entity e", "+ feature group g1000@1", "    + entity e, keys (id int64), event_time none",
                "    + feature x float64", "    + feature y float64",
                "= 1000 feature groups: kept (they are not in the files; nothing is deleted)",
                "1 created, 0 changed, 0 refused; 1001 stay as they are",
            ])
        #expect(
            try catalog.plan(load(groups(0..<1_000)).definitions).lines == [
                "project p", "= entity e", "= 1000 feature groups: unchanged",
                "0 created, 0 changed, 0 refused; 1001 stay as they are",
            ])
        #expect(try catalog.plan(load(groups(0..<990)).definitions).lines.count == 4 + 10)
    }
}
