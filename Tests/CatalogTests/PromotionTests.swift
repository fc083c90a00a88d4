import Catalog
import FeatureModel
import Testing

/// What a name without a version means: the promoted version, which only a step of its own moves.
@Suite struct PromotionTests {
    private static let first = """
        project: shop
        entities:
          - {name: customer, keys: [{name: id, type: int64}]}
        feature_groups:
          - {name: orders, entity: customer, features: [{name: total, type: float64}, {name: state, type: string}]}
        feature_services:
          - {name: churn, features: ["orders:total"]}
        """
    private static let second = """
        project: shop
        feature_groups:
          - {name: orders, version: 2, entity: customer, features: [{name: total, type: int64}, {name: count, type: int32}]}
        feature_services:
          - {name: churn, version: 2, features: ["orders@2:total", "orders@2:count"]}
        """

    private func shop() throws -> Catalog {
        var catalog = Catalog()
        try apply(Self.first, to: &catalog)
        return catalog
    }

    private func meaning(_ catalog: Catalog, _ name: String = "orders") -> String? {
        catalog.group(project: "shop", name: name)?.reference
    }

    private func service(_ catalog: Catalog) throws -> String {
        try catalog.service(project: "shop", reference: "churn").reference
    }

    @Test func aNewerVersionMovesNobodyAndThePlanSaysSo() throws {
        var catalog = try shop()
        let plan = try apply(Self.second, to: &catalog)
        #expect(meaning(catalog) == "orders@1")
        #expect(try service(catalog) == "churn@1")
        #expect(
            plan.lines.contains(
                "    = not promoted: orders still means orders@1; 'headwater promote group orders@2' moves it"))
        #expect(
            plan.lines.contains("    = not promoted: churn still means churn@1; 'headwater promote service churn@2' moves it"))
    }

    @Test func theFirstVersionIsPromotedWhenItIsMadeWhicheverNumberItHas() throws {
        var catalog = try shop()
        try apply(Self.second.replacing("name: orders", with: "name: carts").replacing("orders@2", with: "carts@2"), to: &catalog)
        #expect(meaning(catalog, "carts") == "carts@2")
    }

    @Test func ofSeveralFirstVersionsInOneApplyTheLeastIsPromoted() throws {
        for order in [["1", "3", "2"], ["3", "2", "1"]] {
            var catalog = Catalog()
            let groups = order.map { "  - {name: g, version: \($0), entity: e, features: [{name: x, type: int64}]}\n" }.joined()
            let plan = try apply(
                "project: shop\nentities: [{name: e, keys: []}]\nfeature_groups:\n" + groups, to: &catalog)
            #expect(meaning(catalog, "g") == "g@1")
            #expect(plan.lines.count { $0.contains("not promoted: g still means g@1") } == 2)
        }
    }

    @Test func aPromotionMovesTheNameAndNotThePinnedServices() throws {
        var catalog = try shop()
        try apply(Self.second, to: &catalog)
        let before = catalog
        let plan = try promote(.group, "orders@2", project: "shop", in: &catalog)
        #expect(
            plan.lines == [
                "project shop", "~ feature group orders@2: promoted", "    ~ orders: orders@1 → orders@2",
                "    = orders@1: 0 keys online", "    = orders@2: 0 keys online",
                "    ~ feature total: float64 → int64", "    - feature state string: orders@2 has none of that name",
                "    ~ gets, histories, scans, writes and deletes that say orders mean orders@2 from then on",
                "    = service churn@1 stays pinned to orders@1",
                "0 created, 0 changed, 1 promoted, 0 refused; 0 stay as they are",
            ])
        #expect(meaning(catalog) == "orders@2")
        #expect(try catalog.resolve(project: "shop", .features(["orders:count"])).lookups[0].group == "orders@2")
        #expect(try catalog.resolve(project: "shop", .service("churn")).lookups.map(\.group) == ["orders@1"])
        // Back again, and again to what it is: nothing to change.
        try promote(.group, "orders@1", project: "shop", in: &catalog)
        #expect(meaning(catalog) == "orders@1")
        #expect(try promote(.group, "orders@1", project: "shop", in: &catalog).isEmpty)
        #expect(catalog.asOf(before.position) == before)
    }

    @Test func aReadAsOfAPositionMeansWhatWasPromotedThen() throws {
        var catalog = try shop()
        try apply(Self.second, to: &catalog)
        let then = catalog.position
        try promote(.group, "orders@2", project: "shop", in: &catalog)
        try promote(.service, "churn@2", project: "shop", in: &catalog)
        #expect(meaning(catalog.asOf(then)) == "orders@1" && meaning(catalog) == "orders@2")
        #expect(try service(catalog.asOf(then)) == "churn@1")
        #expect(try service(catalog) == "churn@2")
        #expect(try Catalog(decodingHistory: catalog.encodeHistory()[...]) == catalog)
    }

    @Test func aVersionWithoutRowsIsRefusedUnlessItIsForced() throws {
        var catalog = try shop()
        try apply(Self.second, to: &catalog)
        let figures: [GroupID: GroupFigures] = [1: GroupFigures(keys: 5, rows: 9)]
        let refused = try catalog.plan(Promotion(project: "shop", .group, "orders@2"), figures: figures)
        #expect(
            refused.refusals == [
                "orders@2: orders@2 has no rows, so gets that say orders would find nothing: "
                    + "write them first, or promote it with --force (force=True)"
            ])
        #expect(refused.changes.isEmpty)
        #expect(refused.lines.contains("    = orders@1: 5 keys online, 9 rows of history"))
        #expect(throws: HeadwaterError.self) { try refused.approved() }
        let written: [GroupID: GroupFigures] = [1: GroupFigures(keys: 5, rows: 9), 2: GroupFigures(keys: 1, rows: 1)]
        let plan = try catalog.plan(Promotion(project: "shop", .group, "orders@2"), figures: written)
        #expect(try plan.approved().count == 1)
        #expect(plan.lines.contains("    = orders@2: 1 key online, 1 row of history"))
        let forced = Promotion(project: "shop", .group, "orders@2", isForced: true)
        #expect(try catalog.plan(forced, figures: figures).approved().count == 1)
        // A service reads a group that has none.
        let service = try catalog.plan(Promotion(project: "shop", .service, "churn@2"), figures: figures)
        #expect(service.refusals.count == 1 && service.lines.contains("    + orders@2:count"))
        #expect(try !catalog.plan(Promotion(project: "shop", .service, "churn@2"), figures: written).approved().isEmpty)
    }

    @Test(arguments: [
        (VersionedKind.group, "orders", "say which version of orders: there are orders@1, orders@2"),
        (.group, "orders@7", "no feature group 'orders@7' in project 'shop': did you mean 'orders@1'?"),
        (.group, "churn@1", "no feature group 'churn@1' in project 'shop': there are orders@1, orders@2"),
        (.service, "churn", "say which version of churn: there are churn@1, churn@2"),
        (.service, "orders@2", "no feature service 'orders@2' in project 'shop': there are churn@1, churn@2"),
        (.group, "orders@0", "'orders@0' is no name: write NAME or NAME@VERSION, such as weather@2"),
    ])
    func aPromotionOfWhatIsNotThereSaysWhatIs(kind: VersionedKind, name: String, reason: String) throws {
        var catalog = try shop()
        try apply(Self.second, to: &catalog)
        #expect(message { _ = try catalog.plan(Promotion(project: "shop", kind, name), figures: [:]) } == reason)
    }

    @Test func noFieldInFilesPromotes() throws {
        let text = Self.second.replacing("version: 2, entity", with: "version: 2, promoted: true, entity")
        #expect(throws: HeadwaterError.self) { try load(text) }
    }

    /// Records of before, as an older version wrote them: two versions and no word of promotion.
    private func before() throws -> Catalog {
        var catalog = Catalog()
        for (position, text) in [(1, Self.first), (4, Self.second)] {
            let changes = try catalog.plan(load(text).definitions).approved().filter {
                if case .promotion = $0 { false } else { true }
            }
            catalog.apply(changes, position: Position(position))
        }
        return try Catalog(decodingHistory: catalog.encodeHistory()[...])
    }

    @Test func recordsOfBeforeKeepTheRuleOfTheGreatestVersion() throws {
        let catalog = try before()
        #expect(meaning(catalog) == "orders@2" && meaning(catalog.asOf(3)) == "orders@1")
        #expect(try service(catalog) == "churn@2")
        #expect(try service(catalog.asOf(3)) == "churn@1")
    }

    @Test func aNewerVersionBesideRecordsOfBeforeMovesNobody() throws {
        var catalog = try before()
        let third = Self.second.replacing("version: 2, entity", with: "version: 3, entity").replacing(
            "name: churn, version: 2", with: "name: churn, version: 3")
        let plan = try apply(third, to: &catalog)
        #expect(meaning(catalog) == "orders@2")
        #expect(try service(catalog) == "churn@2")
        #expect(plan.lines.contains { $0.hasPrefix("    = not promoted: orders still means orders@2") })
        #expect(try catalog.plan(load(third).definitions).isEmpty)
        // Of a version below the greatest too.
        try promote(.group, "orders@3", project: "shop", in: &catalog)
        #expect(
            meaning(catalog) == "orders@3" && meaning(catalog.asOf(4)) == "orders@2" && meaning(catalog.asOf(1)) == "orders@1")
    }

    @Test func descriptionsStateThePromotedVersion() throws {
        var catalog = try shop()
        try apply(Self.second, to: &catalog)
        func promoted() throws -> [UInt32] {
            let found = try catalog.description(project: "shop", of: "orders")
            return try CatalogDescription.decode(json: found.encodeJSON()[...]).featureGroups.filter { $0.promoted == true }.map {
                $0.definition.version
            }
        }
        #expect(try promoted() == [1])
        try promote(.group, "orders@2", project: "shop", in: &catalog)
        #expect(try promoted() == [2])
        #expect(try catalog.description(project: "shop", of: "orders@1").featureGroups[0].promoted == nil)
        #expect(try catalog.description(project: "shop", of: "churn").featureServices.map(\.promoted) == [true, nil])
        #expect(catalog.listing(of: "shop").featureGroups.map(\.promoted) == [nil, true])
    }

    @Test func aReferenceWithoutAVersionPointsToTheVersionThatHasTheFeature() throws {
        var catalog = try shop()
        try apply(Self.second, to: &catalog)
        #expect(
            message { _ = try catalog.resolve(project: "shop", .features(["orders:count"])) }
                == "no feature 'count' in group orders@1: orders@2 has it: write orders@2:count")
    }
}
