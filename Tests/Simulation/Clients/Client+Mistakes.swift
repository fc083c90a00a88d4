import Engine
import FeatureModel
import TestSupport
import Wire

/// What a client should not do, and what must come of it: nothing.
extension Client {
    /// Sends a write again that was acknowledged: the answer must be the same.
    func retryDone() {
        guard let write = recent() else { return }
        open += 1
        online.call(.write, request(write.stamp), body: write.body, timeout: 500_000) { [weak self] result in
            guard let self else { return }
            open -= 1
            switch result {
            case .success(let frame): if let answer = answer(frame) { world.checker.acknowledged(write, answer) }
            case .failure(let error):
                // What was forgotten is judged anew, and its sequence may have been taken for other content since.
                var anew: [StatusCode] = [.failedPrecondition, .invalidArgument, .notFound, .resourceExhausted]
                if world.checker.isLost(write) { anew.append(.alreadyExists) }
                refused(error, "a retry", [.unavailable, .deadlineExceeded] + (world.mayForget ? anew : []))
            }
        }
    }

    private func recent() -> Write? {
        let stamped = done.suffix(20).filter { $0.stamp.producer != 0 }
        return stamped.isEmpty ? nil : world.random.pick(stamped)
    }

    /// Uses a sequence again for other content: an error, and nothing is written.
    func reuseSequence() {
        guard let first = recent() else { return }
        refuse(stamp: first.stamp, codes: [.alreadyExists] + (world.mayForget ? [.failedPrecondition] : []), first)
    }

    /// Writes with a session that nobody opened, or with another epoch.
    func writeStale() {
        let stamp =
            world.random.chance(0.5)
            ? ProducerStamp(producer: 1 << 40, epoch: 1, sequence: 1)
            : ProducerStamp(producer: session?.producer ?? 1 << 40, epoch: 7, sequence: 1)
        refuse(stamp: stamp, codes: [.failedPrecondition], nil)
    }

    private func refuse(stamp: ProducerStamp, codes: [StatusCode], _ first: Write?) {
        let past = wall - 10_000_000_000
        let maker = WriteMaker(client: number, keyCount: world.scenario.keyCount, step: 0, wall: past)
        let isForged = world.random.chance(0.4)
        let write = world.journal.add(
            client: number,
            entries: { [number] index in
                let forged =
                    isForged
                    ? first.flatMap { ForgedBody.entries(like: $0.body, client: number, number: index, wall: past) } : nil
                return forged ?? maker.entries(number: index, &world.random)
            }, stamp: stamp)
        world.figures.mistakes += 1
        open += 1
        write.sent = world.journal.step()
        online.call(.write, request(stamp), body: write.body, timeout: 500_000) { [weak self] result in
            guard let self else { return }
            open -= 1
            switch result {
            case .success:
                if first == nil || !world.mayForget { world.violate("P3", "write \(write.number) with stamp \(stamp) was taken") }
                if let frame = try? result.get(), let answer = answer(frame) { world.checker.acknowledged(write, answer) }
            case .failure(let error):
                refused(
                    error, "a wrong stamp",
                    codes + [.unavailable, .deadlineExceeded, .invalidArgument, .resourceExhausted]
                        + (world.mayForget ? [.notFound] : []))
                if codes.contains(error.code), !world.mayForget { world.checker.refused(write, error.code) }
            }
        }
    }

    /// Writes a row from the far future: refused, and nothing is written.
    func writeNonsense() {
        let maker = WriteMaker(client: number, keyCount: world.scenario.keyCount, step: 0, wall: wall)
        let write = world.journal.add(
            client: number,
            entries: { number in
                let schema = Workload.schema(Workload.readings, step: 0)
                let row: [Value] = [.int64(1), .timestamp(self.wall + 400_000_000_000), .null, .null]
                return maker.entries(number: number, &self.world.random)
                    + [WrittenEntry(schema: schema, operation: .write, ordinals: [0, 1, 2, 3], rows: [row])]
            }, stamp: .none)
        world.figures.mistakes += 1
        open += 1
        write.sent = world.journal.step()
        online.call(.write, request(.none), body: write.body, timeout: 500_000) { [weak self] result in
            guard let self else { return }
            open -= 1
            switch result {
            case .success: world.violate("codes", "a row from the far future was taken")
            case .failure(let error):
                refused(
                    error, "a bad row",
                    [.invalidArgument, .unavailable, .deadlineExceeded, .resourceExhausted]
                        + (world.mayForget ? [.notFound] : []))
                if error.code == .invalidArgument { world.checker.refused(write, error.code) }
            }
        }
    }
}
