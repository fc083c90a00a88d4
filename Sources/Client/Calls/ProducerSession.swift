import FeatureModel
import Wire

/// The session that makes this client's writes safe to retry: opened by the first write, numbered from 1.
actor ProducerSession {
    private struct Opened {
        let producer: UInt64
        let epoch: UInt32
        var sequence: UInt64 = 0
    }

    private var session: Opened?
    private var opening: Task<Result<OpenProducerReply, HeadwaterError>, Never>?

    /// The stamp of the next write.
    func next(
        open: @escaping @Sendable () async throws(HeadwaterError) -> OpenProducerReply
    ) async throws(HeadwaterError) -> ProducerStamp {
        while session == nil {
            let task =
                opening
                ?? Task {
                    do throws(HeadwaterError) { return .success(try await open()) } catch { return .failure(error) }
                }
            opening = task
            let result = await task.value
            // Writers that waited together share one session.
            if opening == task { opening = nil }
            let reply = try result.get()
            if session == nil { session = Opened(producer: reply.producer, epoch: reply.epoch) }
        }
        session!.sequence += 1
        return ProducerStamp(producer: session!.producer, epoch: session!.epoch, sequence: session!.sequence)
    }

    /// The server does not know the session any more: the next write opens a new one.
    func end(_ stamp: ProducerStamp) {
        if session?.producer == stamp.producer { session = nil }
    }
}
