import Catalog
import FeatureModel
import Testing

@Suite struct DescriptionTests {
    @Test func aDescriptionGivesAClientTheSchemaItNeeds() throws {
        let catalog = try flights()
        let description = try catalog.description(project: "flights", of: "weather")
        let decoded = try CatalogDescription.decode(json: description.encodeJSON()[...])
        #expect(decoded == description)
        #expect(decoded.featureGroups[0].schema == catalog.newestSchema(1))
        #expect(decoded.featureGroups[0].columns.map(\.role) == ["key", "event_time", "feature", "feature", "feature"])
    }

    @Test func allThatGoesByANameIsDescribed() throws {
        let catalog = try flights()
        let both = try catalog.description(project: "flights", of: "aircraft")
        #expect(both.entities.count == 1 && both.featureGroups.count == 1)
        let service = try catalog.description(project: "flights", of: "departure_delay@1").featureServices[0]
        #expect(service.outputs.map(\.feature) == ["weather@1:temp", "weather@1:visib", "weather@1:temp"])
        #expect(service.outputs[2].keys == ["origin": "dest"])
        #expect(
            message { _ = try catalog.description(project: "flights", of: "wether") }
                == "nothing is called 'wether' in project 'flights': did you mean 'weather'?")
    }

    @Test func theListingHoldsEveryVersion() throws {
        let listing = try flights().listing(of: "flights")
        #expect(listing.entities.map(\.name) == ["aircraft", "airport"])
        #expect(listing.featureGroups.map(\.name) == ["aircraft", "weather"])
        #expect(try CatalogListing.decode(json: listing.encodeJSON()[...]) == listing)
        #expect(Catalog().listing(of: "none").entities.isEmpty)
    }

    @Test func aPlanTravelsAsJSON() throws {
        let plan = try Catalog().plan(load(flightsYAML).definitions)
        #expect(try Plan.decode(json: plan.encodeJSON()[...]) == plan)
    }
}
