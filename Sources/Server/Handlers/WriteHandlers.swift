import Catalog
import Engine
import FeatureModel
import Log
import Transport
import Wire

/// write and openProducer.
struct WriteHandlers {
    /// Bytes of a write up to which it is checked on the event loop; a larger one would hold others up.
    static let inlineBytesMax = 32 << 10

    let services: Services

    func handle(_ request: IncomingRequest, _ responder: Responder) throws(HeadwaterError) {
        let online = try services.needOnline()
        if request.method == .openProducer {
            return online.submit(.openProducer) { outcome in
                switch outcome {
                case .openedProducer(let position, let epoch):
                    responder.respond(
                        head: OpenProducerReply.with {
                            $0.producer = position
                            $0.epoch = epoch
                            $0.logID = online.logID.bytes
                        })
                case .failed(let error): responder.fail(error)
                default: responder.fail(HeadwaterError(.internal, "a session was answered by another outcome"))
                }
            }
        }
        let isLarge = request.body.count > Self.inlineBytesMax
        let place = services.writeOrder.place(connectionID: request.connectionID, isNeeded: isLarge)
        if isLarge {
            services.onWorker(services.workers.writes, request, responder) { () throws(HeadwaterError) in
                try check(request, online, place, responder)
            }
        } else {
            try check(request, online, place, responder)
        }
    }

    private func check(
        _ request: IncomingRequest, _ online: OnlineNode, _ place: WriteOrder.Place?, _ responder: Responder
    ) throws(HeadwaterError) {
        let head = try request.decode(WriteRequest.self)
        let stamp = ProducerStamp(producer: head.producer, epoch: head.epoch, sequence: head.sequence)
        do throws(HeadwaterError) {
            let write = try checked(request, head, stamp, online)
            submit(.write(write), rowCounts: write.entries.map { UInt32($0.batch.rowCount) }, online, place, responder)
        } catch {
            guard stamp.producer != 0 else { throw error }
            // It may be a retry of a write that passed the definitions of its time: the producer's window knows.
            let entries = (try? RecordBody.decode(request.body)) ?? []
            submit(
                .retry(
                    stamp: stamp, bodyChecksum: CRC32C.checksum(request.body), bodyBytes: request.body.count, otherwise: error),
                rowCounts: entries.map { UInt32($0.batch.rowCount) }, online, place, responder)
        }
    }

    private func checked(
        _ request: IncomingRequest, _ head: WriteRequest, _ stamp: ProducerStamp, _ online: OnlineNode
    ) throws(HeadwaterError) -> CheckedWrite {
        let catalog = online.state.catalog
        // What lies in the future is told by the clock that is never early: a wall clock set back must not refuse what is.
        let write = try CheckedWrite(body: request.body, stamp: stamp, catalog: catalog, now: online.clock.ingestTime())
        if let other = write.entries.lazy.compactMap({ catalog.group(id: $0.schema.groupID) }).first(where: {
            $0.project != head.project
        }) {
            throw HeadwaterError(
                .invalidArgument, "group \(other.reference) is of project '\(other.project)', not '\(head.project)'")
        }
        return write
    }

    private func submit(
        _ command: OnlineCommand, rowCounts: [UInt32], _ online: OnlineNode, _ place: WriteOrder.Place?, _ responder: Responder
    ) {
        guard let place else { return submit(command, rowCounts: rowCounts, online, responder) }
        place.use { submit(command, rowCounts: rowCounts, online, responder) }
    }

    private func submit(_ command: OnlineCommand, rowCounts: [UInt32], _ online: OnlineNode, _ responder: Responder) {
        online.submit(command) { outcome in
            switch outcome {
            case .written(let answer, let isDuplicate):
                var body: [UInt8] = []
                for row in answer.newerRows { body.append(littleEndian: row) }
                let reply = WriteReply.with {
                    $0.position = answer.position
                    $0.ingestTime = answer.ingestTime
                    $0.rowCounts = rowCounts
                    $0.keysWithNewerRows = UInt64(answer.newerKeyCount ?? 0)
                    $0.duplicate = isDuplicate
                    $0.rowsBelowCutoff = UInt64(answer.belowCutoffCount)
                    $0.rowsBehindTombstone = UInt64(answer.behindTombstoneCount)
                }
                responder.respond(head: reply, body: body[...])
            case .failed(let error): responder.fail(error)
            default: responder.fail(HeadwaterError(.internal, "a write was answered by another outcome"))
            }
        }
    }
}
