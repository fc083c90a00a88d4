import Catalog
import FeatureModel

/// What the swept life defines: every type, composite and empty keys, event, available and no time, and a later schema version.
enum SweptDefinitions {
    static let project = "sweep"

    /// The definitions in the order in which they are applied.
    static let texts = [
        text(amount: "float32", count: "int32", more: ""),
        text(
            amount: "float64", count: "int64", more: "\n      - {name: more, type: array(int32)}"),
    ]

    static func load(_ index: Int) throws(HeadwaterError) -> Definitions {
        try DefinitionsFile.load(text: texts[index], fileName: "sweep-\(index + 1).yaml").definitions
    }

    private static func text(amount: String, count: String, more: String) -> String {
        """
        project: \(project)
        entities:
          - {name: customer, keys: [{name: id, type: int64}]}
          - {name: place, keys: [{name: town, type: string}, {name: since, type: timestamp}]}
          - {name: planet, keys: []}
        feature_groups:
          - name: orders
            entity: customer
            event_time: time
            max_age: 20s
            features:
              - {name: amount, type: \(amount)}
              - {name: count, type: \(count)}
              - {name: note, type: string}\(more)
          - name: kinds
            entity: place
            event_time: time
            available_time: known
            features:
              - {name: a, type: bool}
              - {name: b, type: int32}
              - {name: c, type: int64}
              - {name: d, type: float32}
              - {name: e, type: float64}
              - {name: f, type: bytes}
              - {name: g, type: timestamp}
              - {name: h, type: array(string)}
              - {name: i, type: array(bool)}
              - {name: j, type: vector(3)}
          - name: profile
            entity: customer
            event_time: none
            features:
              - {name: tags, type: array(string)}
          - name: climate
            entity: planet
            event_time: time
            features:
              - {name: level, type: float64}
        feature_services:
          - name: model
            features: ["orders:amount", "profile:tags", "climate:level"]
        """
    }
}
