import Engine
import FeatureModel

extension Checker {
    /// P1, P2 and P3 over all that clients were told.
    func checkJournal() {
        world.figures.checks += 1
        for write in world.journal.writes {
            switch write.outcome {
            case .acknowledged(let answer):
                if write.record?.position != answer.position {
                    world.violate(
                        "P1",
                        "write \(write.number) was acknowledged at \(answer.position), and is at \(write.record?.position ?? 0)")
                }
            case .refused(let code):
                if let record = write.record {
                    world.violate("P3", "write \(write.number) was refused (\(code.name)), and is at \(record.position)")
                }
            case .unknown: break
            }
        }
        checkOrder()
    }

    /// P2: what was acknowledged before another write was sent has the lower position.
    private func checkOrder() {
        var greatest: [(step: Int, position: Position)] = []
        var highest: Position = 0
        let told = world.journal.writes.filter { $0.answer != nil && $0.acknowledged != nil }
        for write in told.sorted(by: { $0.acknowledged! < $1.acknowledged! }) {
            highest = max(highest, write.answer!.position)
            greatest.append((write.acknowledged!, highest))
        }
        for write in told {
            // The greatest position acknowledged before this write was sent.
            var (low, high) = (0, greatest.count)
            while low < high {
                let middle = (low + high) / 2
                if greatest[middle].step < write.sent! { low = middle + 1 } else { high = middle }
            }
            if low > 0, greatest[low - 1].position >= write.answer!.position {
                world.violate(
                    "P2",
                    "write \(write.number) at \(write.answer!.position) was sent after \(greatest[low - 1].position) was acknowledged"
                )
            }
        }
    }
}
