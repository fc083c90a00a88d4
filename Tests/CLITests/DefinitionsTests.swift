import Foundation
import Testing

/// Definitions that live, by the command line.
@Suite(.serialized)
struct DefinitionsTests {
    @Test func promoteMovesTheNameAndShowsWhoIsAffected() throws {
        let sandbox = try Shop.open()
        try sandbox.write(
            "second.yaml",
            """
            project: shop
            feature_groups:
              - name: orders
                version: 2
                entity: customer
                event_time: ordered_at
                features: [{name: amount, type: float64}]

            """)
        let applied = try sandbox.succeed("apply", "second.yaml").output
        #expect(applied.contains("not promoted: orders still means orders@1"), "\(applied)")
        let refused = try sandbox.run("promote", "group", "orders@2")
        #expect(refused.code != 0 && refused.errors.contains("orders@2 has no rows"), "\(refused.errors)")
        try sandbox.succeed(
            "write", "orders@2", "--from", "-", input: "customer_id,ordered_at,amount\n1,2026-01-10T00:00:00Z,7\n")
        let plan = try sandbox.succeed("promote", "group", "orders@2", "--dry-run").output
        #expect(plan.contains("~ orders: orders@1 → orders@2"), "\(plan)")
        #expect(plan.contains("service churn@1 stays pinned to orders@1"), "\(plan)")
        func amount() throws -> String {
            try sandbox.succeed(
                "get", "--features", "orders:amount", "--entity", "customer_id=1", "--at", "2026-01-11T00:00:00Z", "--json"
            ).output
        }
        #expect(try amount().contains("\"amount\":80"))
        #expect(try sandbox.succeed("promote", "group", "orders@2").output.contains("promoted at position"))
        #expect(try amount().contains("\"amount\":7"))
        #expect(try sandbox.succeed("promote", "group", "orders@2").output.contains("nothing to change"))
        let described = try sandbox.succeed("describe", "orders").output
        #expect(described.contains("promoted: yes: orders means it") && described.contains("promoted: no"), "\(described)")
        let wrong = try sandbox.run("promote", "group", "orders@3")
        #expect(wrong.code != 0 && wrong.errors.contains("no feature group 'orders@3'"), "\(wrong.errors)")
    }

    @Test func removeSaysWhatDependsOnItAndTakesItWhereForced() throws {
        let sandbox = try Shop.open()
        let refused = try sandbox.run("remove", "group", "orders")
        #expect(refused.code == 1 && refused.errors.contains("feature service churn@1 reads it"), "\(refused.errors)")
        let plan = try sandbox.succeed("remove", "group", "orders", "--force", "--dry-run").output
        #expect(
            plan.contains("- feature service churn@1: removed") && plan.contains("- feature group orders@1: removed"), "\(plan)")
        #expect(try sandbox.succeed("list").output.contains("orders"))
        let done = try sandbox.succeed("remove", "group", "orders", "--force", "--json").json()
        #expect(done["changed"] as? Bool == true && (done["items"] as? [[String: Any]])?.count == 2, "\(done)")
        let list = try sandbox.succeed("list").output
        #expect(!list.contains("orders") && !list.contains("churn") && list.contains("rates"), "\(list)")
        let gone = try sandbox.run("get", "--features", "orders:amount", "--entity", "customer_id=1")
        #expect(gone.code == 3 && gone.errors.contains("'orders@1' of project 'shop' was removed at position"), "\(gone.errors)")
        #expect(try sandbox.run("remove", "group", "orders").code == 3)
        #expect(try sandbox.run("remove", "column", "x").code == 64)
        // The name comes back under the next version, without the old rows.
        try sandbox.write(
            "next.yaml",
            Shop.features.replacingOccurrences(of: "entity: customer\n", with: "entity: customer\n    version: 2\n")
                .replacingOccurrences(of: "name: churn\n", with: "name: churn\n    version: 2\n"))
        try sandbox.succeed("apply", "next.yaml")
        let cells = try sandbox.succeed("get", "--features", "orders:amount", "--entity", "customer_id=1", "--json").output
        #expect(cells.contains("\"amount\":null"), "\(cells)")
        try sandbox.succeed("audit")
    }

    @Test func aFileThatNamesNoProjectIsOfTheOnlyOne() throws {
        let sandbox = try Shop.open()
        try sandbox.write("more.yaml", "entities:\n  - {name: seller, keys: [{name: seller_id, type: int64}]}\n")
        let environment = ["HEADWATER_PROJECT": ""]
        #expect(try sandbox.run("plan", "more.yaml", environment: environment).output.contains("+ entity seller"))
        #expect(try sandbox.run("apply", "more.yaml", environment: environment).code == 0)
        #expect(try sandbox.succeed("list").output.contains("seller"))
    }

    @Test func aPositionThatIsNoneIsExplained() throws {
        let sandbox = try Sandbox()
        for arguments in [["scan", "g", "--as-of", "x"], ["log", "dump", "--data", "d", "--after=-1"]] {
            let outcome = try sandbox.run(arguments)
            #expect(outcome.code == 64 && outcome.errors.contains("write a position: a whole number"), "\(outcome.errors)")
        }
    }
}
