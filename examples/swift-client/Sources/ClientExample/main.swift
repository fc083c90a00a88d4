import Client
import FeatureModel

let client = try await HeadwaterClient.connect(CommandLine.arguments[1], project: "shop")
let churn = try await client.prepare(.service("churn"))
let customers = Batch(rowCount: 3, columns: [(0, try Column(.int64, [.int64(1), .int64(2), .int64(4)]))])
let answer = try await client.get(churn, keys: customers)
for (output, (values, statuses)) in zip(answer.outputs, zip(answer.cells.columns, answer.cells.statuses)) {
    print(output.name, output.type, (0..<values.count).map { "\(values.value($0)) \(statuses[$0])" })
}
await client.close()
