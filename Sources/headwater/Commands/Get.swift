import ArgumentParser
import Catalog
import Client
import Engine
import FeatureModel
import Tables
import Transport
import Wire

struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the latest features of entities.",
        discussion: """
            Each --entity is one vector, with all the keys that the features need. Nothing behind the equals sign is a null key; \
            "" is the empty string; a backslash takes the next character as it is.

            Every value has a status: PRESENT, NULL_VALUE (the row is there, the value is null), NOT_FOUND, or OUTSIDE_MAX_AGE.

              headwater get --service churn --entity customer_id=1 --entity customer_id=3
              headwater get --features weather:temp --entity origin=JFK --json
              headwater get --service churn --entity customer_id=1 --min-position 17
              headwater get --service fraud --entity card_id=7 --request amount=80
            """)

    @OptionGroup(title: "Connection") var connection: ConnectionOptions
    @OptionGroup(title: "Without a server") var directory: DirectoryOptions
    @OptionGroup(title: "Features") var selection: SelectionOptions
    @OptionGroup(title: "Times") var times: TimeOptions
    @OptionGroup(title: "Output") var output: OutputOptions
    @Option(help: ArgumentHelp("Keys of one vector: KEY=VALUE,KEY2=VALUE2; may be repeated.", valueName: "keys"))
    var entity: [String] = []
    @Option(
        help: ArgumentHelp(
            "Columns of a service's request: COLUMN=VALUE,COLUMN2=VALUE2; one for each --entity, or one for all.",
            valueName: "values"))
    var request: [String] = []
    @Option(
        help: ArgumentHelp("The clock that max_age is measured by (default: now): \(Instant.help).", valueName: "time"),
        transform: Instant.read)
    var at: Instant?
    @Option(
        help: ArgumentHelp("Wait until the answer shows at least this position.", valueName: "position"),
        transform: PositionArgument.read)
    var minPosition: UInt64 = 0

    func validate() throws { _ = try times.read(at, "--at") }

    func run() async throws {
        let at = try times.read(at, "--at")
        if let data = directory.data {
            let reader = try DataDirectory(data).online(minPosition: minPosition)
            let plan = try reader.catalog.resolve(
                project: connection.project(in: reader.catalog), selection.selection, fullNames: selection.fullFeatureNames)
            let keys = try keys(plan.keys, plan.request)
            let others = try others(plan.request, rowCount: keys.rowCount)
            let served = try reader.get(
                plan, columns: keys.columns + (others?.columns ?? []), rowCount: keys.rowCount, now: at ?? SystemClock().now())
            try print(
                Vectors(
                    position: served.position, names: plan.outputs.map(\.name), columns: served.columns,
                    statuses: served.statuses), keys, plan.keys)
            return
        }
        try await connection.withClient { client in
            let prepared = try await client.prepare(selection.selection, fullFeatureNames: selection.fullFeatureNames)
            for warning in prepared.warnings { Console.remark("warning: \(warning)") }
            let keys = try keys(prepared.keys, prepared.request)
            let others = try others(prepared.request, rowCount: keys.rowCount)
            let got = try await client.get(prepared, keys: keys, request: others, at: at, minPosition: minPosition)
            try print(
                Vectors(
                    position: got.position, names: got.outputs.map(\.name), columns: got.cells.columns,
                    statuses: got.cells.statuses), keys, prepared.keys)
        }
    }

    private func keys(_ fields: [Field], _ others: [Field]) throws(HeadwaterError) -> Batch {
        var entities: [KeyText] = []
        for text in entity { entities.append(try KeyText(text, option: "--entity")) }
        // A global feature has one vector, and no key to ask for it by.
        if entities.isEmpty, fields.isEmpty { return Batch(rowCount: others.isEmpty ? 1 : max(1, request.count), columns: []) }
        guard !entities.isEmpty else {
            throw HeadwaterError(
                .invalidArgument,
                "give --entity with the keys \(fields.map { "\($0.name) (\($0.type))" }.joined(separator: ", "))")
        }
        return try KeyText.batch(entities, fields: fields, option: "--entity", keysAreRequired: false, timeUnit: times.unit)
    }

    /// The columns of the request beside the keys, a row for each vector.
    private func others(_ fields: [Field], rowCount: Int) throws(HeadwaterError) -> Batch? {
        let wanted = fields.map { "\($0.name) (\($0.type))" }.joined(separator: ", ")
        if fields.isEmpty {
            if request.isEmpty { return nil }
            throw HeadwaterError(.invalidArgument, "these features take nothing beside keys", at: "--request")
        }
        guard !request.isEmpty else { throw HeadwaterError(.invalidArgument, "give --request with the columns \(wanted)") }
        guard request.count == rowCount || request.count == 1 else {
            throw HeadwaterError(
                .invalidArgument, "\(request.count) of --request for \(rowCount) of --entity: give one for each, or one for all")
        }
        var texts: [KeyText] = []
        for text in request { texts.append(try KeyText(text, option: "--request", noun: "column")) }
        let batch = try KeyText.batch(
            texts, fields: fields, option: "--request", noun: "column", keysAreRequired: false, timeUnit: times.unit)
        if batch.rowCount == rowCount { return batch }
        let same = Array(repeating: 0, count: rowCount)
        let columns = batch.columns.enumerated().map { ($0.offset, $0.element.gather(same, as: $0.element.type)) }
        return Batch(rowCount: rowCount, columns: columns)
    }

    private func print(_ vectors: Vectors, _ keys: Batch, _ fields: [Field]) throws {
        if output.json {
            try Console.write(vectors.json(keys: keys, fields: fields))
        } else {
            try Console.write(vectors.text(keys: keys, fields: fields).utf8)
        }
    }
}

extension SelectionOptions {
    var selection: FeatureSelection {
        if let service { return .service(service) }
        return .features(features.flatMap { $0.split(separator: ",").map(String.init) })
    }
}

/// The answer of a get, for printing.
struct Vectors {
    let position: Position
    let names: [String]
    let columns: [Column]
    let statuses: [StatusColumn]

    /// A block for each entity: feature, value, status.
    func text(keys: Batch, fields: [Field]) -> String {
        let rowKeys = RowKeys(keys, fields)
        let cells = columns.map { OutputColumn.cells($0) }
        var text = ""
        for row in 0..<keys.rowCount {
            var table = TextTable(["feature", "value", "status"], cellScalarsMax: 60)
            for output in names.indices {
                table.append([names[output], cells[output].text(row) ?? "-", statuses[output][row].description])
            }
            text += "\(rowKeys.text(row))\n\(table.text)\n"
        }
        return text + "position \(position)\n"
    }

    /// `{"position":7,"vectors":[{"keys":{…},"features":{…},"statuses":{…}}]}`, cells spelt as in NDJSON.
    func json(keys: Batch, fields: [Field]) -> [UInt8] {
        func lines(_ names: [String], _ columns: [OutputColumn]) -> [ArraySlice<UInt8>] {
            if names.isEmpty { return Array(repeating: Array("{}".utf8)[...], count: keys.rowCount) }
            var bytes: [UInt8] = []
            TableWriter(.ndjson, names: names).append(columns, to: &bytes)
            return bytes.split(separator: UInt8(ascii: "\n"))
        }
        let keyLines = lines(fields.map(\.name), fields.indices.map { .cells(keys.column(ordinal: $0)!) })
        let featureLines = lines(names, columns.map { .cells($0) })
        let statusLines = lines(names, statuses.map { .statuses($0) })
        var json: [UInt8] = []
        json.append(contentsOf: "{\"position\":\(position),\"vectors\":[".utf8)
        for row in 0..<keys.rowCount {
            json.append(contentsOf: (row > 0 ? ",{\"features\":" : "{\"features\":").utf8)
            json.append(contentsOf: featureLines[row])
            json.append(contentsOf: ",\"keys\":".utf8)
            json.append(contentsOf: keyLines[row])
            json.append(contentsOf: ",\"statuses\":".utf8)
            json.append(contentsOf: statusLines[row])
            json.append(UInt8(ascii: "}"))
        }
        json.append(contentsOf: "]}\n".utf8)
        return json
    }
}
