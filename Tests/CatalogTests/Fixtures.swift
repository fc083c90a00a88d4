import Catalog
import FeatureModel
import TestSupport
import Testing

/// The example of DESIGN.md section 5, with a second group.
let flightsYAML = """
    project: flights
    entities:
      - {name: airport, keys: [{name: origin, type: string}]}
      - {name: aircraft, keys: [{name: tailnum, type: string}]}
    feature_groups:
      - name: weather
        version: 1
        entity: airport
        event_time: time_hour        # none for a static table
        max_age: 3h
        retention: 400d
        owner: ops@example.com
        tags: {tier: gold}
        features:
          - {name: temp, type: float64, description: "air temperature, degrees F"}
          - {name: visib, type: float64, checks: {min: 0, max: 10}}
          - {name: last_24h, type: array(float32)}
      - name: aircraft
        entity: aircraft
        event_time: none
        features:
          - {name: seats, type: int32}
          - {name: engine, type: string}
    feature_services:
      - name: departure_delay
        version: 1
        features: ["weather:temp", "weather@1:visib", {feature: "weather:temp", as: dest_temp, keys: {origin: dest}}]
    """

func load(_ text: String, project: String? = nil) throws -> DefinitionsFile {
    try DefinitionsFile.load(text: text, fileName: "features.yaml", project: project)
}

/// Plans and applies definitions at the position after the catalog's.
@discardableResult
func apply(_ text: String, to catalog: inout Catalog) throws -> Plan {
    let plan = try catalog.plan(load(text).definitions)
    let changes = try plan.approved()
    if !changes.isEmpty { catalog.apply(changes, position: catalog.position + 1) }
    return plan
}

/// Promotes a version at the position after the catalog's, as if every group had rows.
@discardableResult
func promote(_ kind: VersionedKind, _ name: String, project: String = "flights", in catalog: inout Catalog) throws -> Plan {
    let plan = try catalog.plan(Promotion(project: project, kind, name, isForced: true), figures: [:])
    let changes = try plan.approved()
    if !changes.isEmpty { catalog.apply(changes, position: catalog.position + 1) }
    return plan
}

/// Removes something at the position after the catalog's.
@discardableResult
func remove(
    _ kind: RemovableKind, _ name: String, project: String = "flights", isForced: Bool = false, keepsHistory: Bool = false,
    from catalog: inout Catalog
) throws -> Plan {
    let removal = Removal(project: project, kind, name, isForced: isForced, keepsHistory: keepsHistory)
    let plan = try catalog.plan(removal, figures: [:])
    let changes = try plan.approved()
    catalog.apply(try CatalogRecordBody.decode(CatalogRecordBody.encode(changes)[...]), position: catalog.position + 1)
    return plan
}

func flights() throws -> Catalog {
    var catalog = Catalog()
    try apply(flightsYAML, to: &catalog)
    return catalog
}

/// The message of the error that `body` throws; empty where it throws none.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch let error as HeadwaterError {
        return error.message
    } catch {
        return "\(error)"
    }
}

/// A group with the given lines below `features:` and above it.
func group(_ lines: String, features: String = "- {name: temp, type: float64}") -> String {
    """
    project: p
    entities:
      - {name: e, keys: [{name: id, type: int64}]}
    feature_groups:
      - name: g
        entity: e
        \(lines)
        features:
          \(features)
    """
}

extension SplitMix64 {
    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
