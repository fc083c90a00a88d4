import FeatureModel
import Log

/// What a sabotaged build does in place of the right thing; dead code in every other.
extension OnlineOptions {
    var acknowledgingEarly: OnlineOptions {
        var options = self
        if case .sync = durability { options.durability = .interval(5_000) }
        return options
    }
}

extension OnlineEngine {
    /// The first of a failed group hears of it; the others are told that all is well.
    func answersThatLie(_ error: HeadwaterError) -> [OnlineCompletion] {
        staged.enumerated().map { index, command in
            guard index > 0, case .write = command.command else {
                return OnlineCompletion(token: command.token, outcome: .failed(error))
            }
            let answer = WriteAnswer(position: command.position, ingestTime: 0, WriteEffects())
            return OnlineCompletion(token: command.token, outcome: .written(answer, isDuplicate: false))
        }
    }
}
