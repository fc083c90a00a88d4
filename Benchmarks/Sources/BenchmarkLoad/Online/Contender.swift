internal import FeatureModel

/// One system in a case: its load, and the check of what it answered.
struct Contender {
    let name: String
    let stream: LoadStream
    let rowsEach: Int
    let process: ServerProcess
    /// What must live while it runs.
    var owner: AnyObject?
    /// Of an HTTP listener that is asked for metrics while it is measured.
    let scrapedPort: Int?
    let check: () throws(HeadwaterError) -> Void

    init(
        name: String, stream: LoadStream, rowsEach: Int, process: ServerProcess, owner: AnyObject? = nil,
        scrapedPort: Int? = nil, check: @escaping () throws(HeadwaterError) -> Void
    ) {
        self.name = name
        self.stream = stream
        self.rowsEach = rowsEach
        self.process = process
        self.owner = owner
        self.scrapedPort = scrapedPort
        self.check = check
    }

    /// One measured stretch; `others` are driven beside it.
    ///
    /// - Returns: what was measured, and what the others did.
    func round(
        warmUp: Double, seconds: Double, seed: UInt64, others: [LoadStream] = []
    ) throws(HeadwaterError) -> (round: OnlineRound, others: [StreamResult]) {
        let scraper = scrapedPort.map { MetricsScraper(port: $0) }
        defer { scraper?.stop() }
        let before = process.usage()
        let start = monotonicNanoseconds()
        let results = try LoadStream.run([stream] + others, warmUp: warmUp, seconds: seconds, seed: seed)
        let elapsed = Double(monotonicNanoseconds() - start) / 1e9
        try scraper?.finish()
        try check()
        let round = OnlineRound(
            result: results[0], rowsPerSecond: results[0].requestsPerSecond * Double(rowsEach),
            serverCores: (process.usage() - before).cpuSeconds / elapsed)
        return (round, Array(results.dropFirst()))
    }
}

extension OnlineRunner {
    /// Rounds of all contenders, one after the other.
    func alternate(_ contenders: [Contender]) throws(HeadwaterError) -> [OnlineSystem] {
        var systems = contenders.map { OnlineSystem(name: $0.name, rowsEach: $0.rowsEach) }
        for number in 0..<options.rounds {
            for (index, contender) in contenders.enumerated() {
                let measured = try contender.round(
                    warmUp: options.warmUpSeconds, seconds: options.seconds, seed: UInt64(number + 1))
                systems[index].rounds.append(measured.round)
                say("  \(contender.name): \(Int(measured.round.rowsPerSecond)) rows/s")
            }
        }
        return systems
    }
}
