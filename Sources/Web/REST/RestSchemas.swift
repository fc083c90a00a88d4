/// JSON schemas of bodies. What a request may hold is checked by the same names.
enum RestSchemas {
    static let position: JSONValue = ["type": "integer", "minimum": 0]
    private static let time: JSONValue = [
        "description": "RFC 3339, or whole microseconds since 1970 UTC", "type": ["string", "integer"],
    ]
    private static let positionOrText: JSONValue = [
        "description": "a whole number, also as a string", "type": ["integer", "string"], "pattern": "^[0-9]+$", "minimum": 0,
    ]
    private static let unit: JSONValue = ["type": "string", "enum": ["s", "ms", "us", "ns"]]
    private static let columns: JSONValue = [
        "type": "object", "description": "a list of cells for each column, all of one length",
        "additionalProperties": ["type": "array"],
    ]
    private static let rowList: JSONValue = ["type": "array", "items": ["type": "object"]]
    private static let features: JSONValue = ["type": "array", "items": ["type": "string"], "minItems": 1]

    /// The schema of an object that a request holds.
    struct Request: Sendable {
        let json: JSONValue
        /// The members that there may be.
        let names: [String]
    }

    private static func object(_ properties: KeyValuePairs<String, JSONValue>, required: JSONValue = []) -> Request {
        let json: JSONValue = [
            "type": "object", "properties": .object(properties.map { ($0, $1) }), "required": required,
            "additionalProperties": false,
        ]
        return Request(json: json, names: properties.map(\.key))
    }

    static let get = object([
        "service": ["type": "string", "description": "a feature service; else give features"],
        "features": features, "entities": columns, "request": columns, "at": time, "min_position": positionOrText,
        "full_feature_names": ["type": "boolean"], "event_times": ["type": "boolean"],
        "statuses": ["type": "boolean", "default": true],
        "int64": [
            "type": "string", "enum": ["number", "string"],
            "description": "how int64 is answered; a number beyond 2^53 is not exact in every language",
        ],
        "time_unit": unit,
    ])

    static let got: JSONValue = [
        "type": "object", "required": ["position", "rows", "features"],
        "properties": [
            "position": position, "rows": ["type": "integer", "minimum": 0],
            "features": [
                "type": "object",
                "additionalProperties": [
                    "type": "object", "required": ["type", "values"],
                    "properties": [
                        "type": ["type": "string"], "values": ["type": "array"],
                        "statuses": [
                            "type": "array",
                            "items": ["type": "string", "enum": ["PRESENT", "NULL_VALUE", "NOT_FOUND", "OUTSIDE_MAX_AGE"]],
                        ],
                        "event_times": ["type": "array", "items": ["type": ["string", "null"]]],
                    ],
                ],
            ],
            "warnings": ["type": "array", "items": ["type": "string"]],
        ],
    ]

    static let rows = object(["rows": rowList, "columns": columns, "time_unit": unit])
    static let rowBodies: [(type: String, schema: JSONValue)] = [
        ("application/json", rows.json),
        ("application/x-ndjson", ["type": "string", "description": "an object a line"]),
    ]

    static let written: JSONValue = [
        "type": "object", "required": ["group", "rows", "writes", "position"],
        "properties": [
            "group": ["type": "string"], "rows": ["type": "integer"], "writes": ["type": "integer"], "position": position,
            "keys_with_newer_rows": ["type": "integer"], "rows_below_cutoff": ["type": "integer"],
            "rows_behind_tombstone": ["type": "integer"],
        ],
    ]

    static let history = object(
        [
            "service": ["type": "string"], "features": features,
            "spine": object(["rows": rowList, "columns": columns]).json,
            "spine_time": ["type": "string", "default": "event_time"], "as_of": positionOrText,
            "availability": ["type": "string", "enum": ["event", "ingest"]], "min_position": positionOrText,
            "full_feature_names": ["type": "boolean"], "statuses": ["type": "boolean"], "time_unit": unit,
        ], required: ["spine"])

    static let definitions: JSONValue = [
        "type": "object", "description": "entities, feature groups and services, as in a definitions file",
    ]

    static let feast = object(
        [
            "features": features, "feature_service": ["type": "string"], "entities": columns, "request": columns,
            "full_feature_names": ["type": "boolean"], "project": ["type": "string"],
        ])

    static let feastAnswer: JSONValue = [
        "type": "object", "required": ["metadata", "results"],
        "properties": [
            "metadata": [
                "type": "object", "properties": ["feature_names": ["type": "array", "items": ["type": "string"]]],
            ],
            "results": [
                "type": "array",
                "items": [
                    "type": "object",
                    "properties": [
                        "values": ["type": "array"], "statuses": ["type": "array", "items": ["type": "string"]],
                        "event_timestamps": ["type": "array", "items": ["type": "string"]],
                    ],
                ],
            ],
        ],
    ]

    static let problem: JSONValue = [
        "type": "object", "required": ["type", "title", "status", "detail", "code"],
        "properties": [
            "type": ["type": "string"], "title": ["type": "string"], "status": ["type": "integer"],
            "detail": ["type": "string"], "code": ["type": "string"], "location": ["type": "string"],
        ],
    ]
}
