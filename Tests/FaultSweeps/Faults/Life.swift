import Engine
import FeatureModel
import OfflineStore
import OnlineStore
import StorageIO

/// How a process of a life ends, when no fault ends it before.
enum Ending: Sendable { case stop, kill, powerCut }

/// A scripted life of a data directory: some processes, one after the other, that do all that a server does with a disk.
struct Life {
    struct Step: Sendable {
        let stage: Stage
        let run: @Sendable (Node, inout Client) throws(HeadwaterError) -> Void

        init(_ stage: Stage, _ run: @escaping @Sendable (Node, inout Client) throws(HeadwaterError) -> Void) {
            self.stage = stage
            self.run = run
        }
    }

    struct Process: Sendable {
        /// What opening the directory is called.
        let start: Stage
        let steps: [Step]
        let ending: Ending

        /// What a process does from its start to its end: it reads all, hears what clients missed, works, and reads again.
        var allSteps: [Step] {
            let resumption = start == .create ? [] : [Step(.retry) { $1.resume($0) }]
            return [Step(.read) { _, _ in }] + resumption + steps + [Step(.read) { _, _ in }]
        }
    }

    /// The script. A step that throws is over, and the next one is tried: a server too lives on.
    static let processes = [
        Process(
            start: .create,
            steps: [
                Step(.define) { $1.define(0, $0) },
                Step(.session) { $1.openSession($0) },
                Step(.write) { $1.write([(["orders"], .write, 2), (["kinds", "climate"], .write, 1)], $0) },
                Step(.write) { $1.write([(["profile"], .write, 1)], $0) },
                Step(.flush) { (node, client) throws(HeadwaterError) in try client.flush(node) },
                Step(.prepare) { node, _ in node.online.prepareAhead() },
                Step(.roll) { $1.write([(["kinds", "orders", "profile", "climate"], .write, 2)], $0) },
                Step(.write) { $1.write([(["orders"], .delete, 1)], $0) },
                Step(.snapshot) { (node, client) throws(HeadwaterError) in try client.snapshot(node) },
                Step(.checkpoint) { (node, client) throws(HeadwaterError) in try client.checkpoint(node) },
                Step(.evolve) { $1.define(1, $0) },
                Step(.write) { $1.write([(["orders", "climate"], .write, 1)], $0) },
                Step(.cutoff) { $1.cutOff("orders", before: SweptTime.event + 4_000_000, $0) },
                Step(.compact) { (node, client) throws(HeadwaterError) in try client.compact(node) },
                Step(.snapshot) { (node, client) throws(HeadwaterError) in try client.snapshot(node) },
                Step(.write) { $1.write([(["orders"], .write, 1)], $0) },
                Step(.prepare) { node, _ in node.online.prepareAhead() },
            ], ending: .stop),
        Process(
            start: .restart,
            steps: [
                Step(.write) { $1.write([(["kinds"], .write, 1), (["orders"], .write, 1)], $0) },
                Step(.roll) { $1.write([(["kinds", "orders", "profile", "climate"], .write, 2)], $0) },
                Step(.flush) { (node, client) throws(HeadwaterError) in try client.flush(node) },
                Step(.write) { $1.write([(["climate"], .write, 2)], $0) },
            ], ending: .kill),
        Process(
            start: .recoveryAfterKill,
            steps: [
                Step(.write) { $1.write([(["profile", "orders"], .write, 1)], $0) },
                Step(.snapshot) { (node, client) throws(HeadwaterError) in try client.snapshot(node) },
                Step(.write) { $1.write([(["orders"], .write, 1), (["profile"], .write, 1)], $0) },
                Step(.flush) { (node, client) throws(HeadwaterError) in try client.flush(node) },
                Step(.write) { $1.write([(["kinds"], .write, 1)], $0) },
                Step(.snapshot) { (node, client) throws(HeadwaterError) in try client.snapshot(node) },
            ], ending: .powerCut),
        Process(
            start: .recoveryAfterPowerCut,
            steps: [
                Step(.write) { $1.write([(["orders", "kinds"], .write, 1)], $0) },
                Step(.compact) { (node, client) throws(HeadwaterError) in try client.compact(node) },
            ], ending: .stop),
    ]
}

extension Client {
    /// Flushes, and notes what was said to be durable. The log is told next, and must be told the truth.
    mutating func flush(_ node: Node) throws(HeadwaterError) {
        try node.follow()
        try node.offline.flush()
        historyClaimed = node.offline.store.durablePosition
        try checkpoint(node)
    }

    mutating func checkpoint(_ node: Node) throws(HeadwaterError) {
        let position = node.offline.store.durablePosition
        try node.checkpoint(OnlineEngine.localFollowerID, OnlineEngine.localFollowerName, position)
        checkpointClaimed = position
    }

    /// Takes a snapshot; a write comes while it is written.
    mutating func snapshot(_ node: Node) throws(HeadwaterError) {
        let job = try node.online.beginSnapshot()
        write([(["climate"], .write, 1)], node)
        let written = try job.run()
        snapshotClaimed = written.position
        try node.online.finishSnapshot(written)
    }

    mutating func compact(_ node: Node) throws(HeadwaterError) {
        try flush(node)
        try node.offline.store.compact()
    }
}
