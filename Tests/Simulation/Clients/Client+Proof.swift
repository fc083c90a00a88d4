import Engine
import FeatureModel
import TestSupport

/// What every client must be able to do once no fault happens any more.
extension Client {
    /// Defines, writes, and reads back online and from history, each until it is answered; `open` counts it until all are.
    func prove() {
        open += 1
        if number == 0 { proveDefinitions() } else { proveWrite() }
    }

    private func proveDefinitions() {
        define(sentStep) { [weak self] isDone in
            guard let self else { return }
            if isDone { proveWrite() } else { again { $0.proveDefinitions() } }
        }
    }

    private func proveWrite() {
        // Client 0 defines; what a power cut took of the definitions is there again then.
        guard world.definedStep >= 0 else { return again { $0.proveWrite() } }
        write(stamp: nextStamp()) { [weak self] answer in
            guard let self else { return }
            if let answer { proveGet(answer.position) } else { again { $0.proveWrite() } }
        }
    }

    private func proveGet(_ position: Position) {
        get(minPosition: position) { [weak self] isDone in
            guard let self else { return }
            if isDone { proveHistory(position) } else { again { $0.proveGet(position) } }
        }
    }

    private func proveHistory(_ position: Position) {
        history(minPosition: position) { [weak self] isDone in
            guard let self else { return }
            if isDone { open -= 1 } else { again { $0.proveHistory(position) } }
        }
    }

    private func again(_ step: @escaping (Client) -> Void) {
        world.schedule("prove again", at: world.now + Microseconds(world.random.int(20_000...200_000))) { [weak self] in
            if let self { step(self) }
        }
    }
}
