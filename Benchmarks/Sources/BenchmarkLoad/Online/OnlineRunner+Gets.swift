internal import FeatureModel

extension OnlineRunner {
    /// Rows of the group of 50 int64 features, beside Redis and the floor.
    func gets(
        _ name: OnlineCaseName, rows: Int, connections: Int, depth: Int, peers: [RedisLayout]
    ) throws(HeadwaterError) -> OnlineCase {
        var figures = OnlineCase(
            name, "get \(rows) × 50 of \(options.rows), \(options.keys), \(connections) connections, depth \(depth)")
        var contenders = [try headwater(GetTarget([Self.wide]), rows: rows, connections: connections, depth: depth)]
        contenders += try headwaterBeside(GetTarget([Self.wide]), rows: rows, connections: connections, depth: depth)
        for layout in peers {
            if let peer = try redis(layout, rows: rows, connections: connections, depth: depth) { contenders.append(peer) }
        }
        if let floor = try floor(rows: rows, connections: connections, depth: depth) { contenders.append(floor) }
        figures.systems = try alternate(contenders)
        figures.notes = sizeNotes(figures, rows: rows)
        return figures
    }

    /// The floor's replies are as long as Headwater's should be: said where they are not.
    private func sizeNotes(_ figures: OnlineCase, rows: Int) -> [String] {
        guard let result = figures.system(OnlineSystemName.headwater)?.rounds[0].result, result.requests > 0
        else { return [] }
        let expected = HeadwaterGets.replyBytes(rows: rows, int64s: 50)
        let actual = result.replyBytes / result.requests
        return actual == expected ? [] : ["replies to \(rows) rows have \(actual) bytes, those of the floor \(expected)"]
    }

    /// A feature service over five groups and two entity types, beside one group with as many features.
    func service() throws(HeadwaterError) -> OnlineCase {
        var figures = OnlineCase(.service, "get 100 × 50 by a service of 5 groups, 2 entity types")
        let target = GetTarget(Self.parts, service: "five")
        figures.systems = try alternate(
            [
                headwater(target, rows: 100, connections: 8, depth: 1)
            ] + headwaterBeside(target, rows: 100, connections: 8, depth: 1) + [
                headwater(GetTarget([Self.wide]), as: OnlineSystemName.oneGroup, rows: 100, connections: 8, depth: 1)
            ])
        return figures
    }

    /// Strings, arrays, vectors, numbers and bools, some of them null, beside one group of int64: bytes a second.
    func mixedTypes() throws(HeadwaterError) -> OnlineCase {
        let entities = min(options.rows, Self.mixedRowsMax)
        var figures = OnlineCase(
            .mixed, "get 100 × mixed: 25 scalar, 10 string, 5 array, 2 vector(64)")
        figures.systems = try alternate([
            headwater(GetTarget([Self.mixed]), rows: 100, connections: 8, depth: 1, entities: entities),
            headwater(GetTarget([Self.wide]), as: OnlineSystemName.oneGroup, rows: 100, connections: 8, depth: 1),
        ])
        return figures
    }

    /// Single rows over TCP on the loopback interface beside the Unix socket.
    func tcp() throws(HeadwaterError) -> OnlineCase {
        var figures = OnlineCase(.tcp, "get 1 × 50 over TCP loopback, 32 connections, depth 1")
        let target = GetTarget([Self.wide])
        var contenders = [
            try headwater(target, rows: 1, connections: 32, depth: 1),
            try headwater(target, as: OnlineSystemName.tcp, rows: 1, connections: 32, depth: 1, overTCP: true),
        ]
        let port = Int.random(in: 32_000..<32_700)
        if let floor = try floor(as: OnlineSystemName.floorTCP, rows: 1, connections: 32, depth: 1, port: port) {
            contenders.append(floor)
        }
        figures.systems = try alternate(contenders)
        return figures
    }
}
