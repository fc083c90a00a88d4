import FeatureModel
import Log

/// The planted faults of a sabotaged build; every other build has this as dead code.
extension OnlineOptions {
    var acknowledgingEarly: OnlineOptions {
        var options = self
        if case .sync = durability { options.durability = .interval(5_000) }
        return options
    }
}

extension [StagedCommand] {
    /// The group, whatever the log says of it.
    func writeThatCounts(_ log: any LogWriting) -> [Record] {
        if let records = try? log.write(), (try? log.sync()) != nil { return records }
        return map { command in
            var (stamp, body): (ProducerStamp, ArraySlice<UInt8>) = (.none, [])
            if case .write(let write) = command.command { (stamp, body) = (write.stamp, write.body) }
            return Record(
                position: command.position, ingestTime: log.lastIngestTime ?? 0, stamp: stamp, kind: .data, body: body)
        }
    }

    /// The first of a failed group hears of it; the others are told that all is well.
    func answersThatLie(_ error: HeadwaterError) -> [OnlineCompletion] {
        enumerated().map { index, command in
            guard index > 0, case .write = command.command else {
                return OnlineCompletion(token: command.token, outcome: .failed(error))
            }
            let answer = WriteAnswer(position: command.position, ingestTime: 0, WriteEffects())
            return OnlineCompletion(token: command.token, outcome: .written(answer, isDuplicate: false))
        }
    }
}
