internal import FeatureModel

extension OnlineRunner {
    private static let entities = 10_000
    private static let views = 25
    private static let requestsPerSecond = 1_000.0

    /// Feast's own grid: services of 50 to 250 features over views of ten, 1 to 100 rows, an open loop.
    func feast() throws(HeadwaterError) -> OnlineCase {
        let views = (0..<Self.views).map { OnlineTable.int64s("view\($0)", 10) }
        let sizes = [5, 10, 15, 20, 25]
        let count = min(Self.entities, options.rows)
        let stand = try OnlineStand(
            binary: options.headwater, directory: folder("g"), cores: cores,
            definitions: OnlineTable.definitions(
                views, services: sizes.map { ("features\($0 * 10)", Array(views.prefix($0))) }))
        defer { stand.stop() }
        for view in views { try stand.load(view, entities: 0..<count) }
        try stand.session().snapshot()
        var figures = OnlineCase(
            .feast, "Feast's grid: \(count) entities, \(Self.views) views × 10 int64, open loop")
        // The whole grid at one rate, its corners at others too.
        var cells = sizes.flatMap { size in [1, 10, 50, 100].map { (size: size, rows: $0, rate: Self.requestsPerSecond) } }
        for rate in [10.0, 100.0] { cells += [(sizes[0], 1, rate), (sizes[4], 100, rate)] }
        for cell in cells {
            let target = GetTarget(Array(views.prefix(cell.size)), service: "features\(cell.size * 10)")
            let gets = try HeadwaterGets(address: stand.socketPath, target: target, connections: 8, depth: 16)
            var chooser = chooser(count)
            try gets.addRequests(min(1_024, poolCount(rows: cell.rows)), rows: cell.rows, chooser: &chooser, bytesMax: 16 << 20)
            gets.stream.rate = cell.rate
            let contender = Contender(
                name: "\(cell.size * 10) features, \(cell.rows) rows, \(Int(cell.rate))/s", stream: gets.stream,
                rowsEach: cell.rows,
                process: stand.process
            ) { () throws(HeadwaterError) in try gets.check(limit: 4) }
            var system = OnlineSystem(name: contender.name, rowsEach: cell.rows)
            system.rounds.append(
                try contender.round(warmUp: options.warmUpSeconds, seconds: options.seconds, seed: 1).round)
            figures.systems.append(system)
        }
        return figures
    }
}
