public import FeatureModel
internal import Synchronization
internal import Wire

/// An open stream: items come in as an async sequence, and, for methods that take data, go out by `send`.
///
/// One task reads and one writes. Credit goes back to the server as items are read, so a reader that stops stops the server too.
/// Letting the stream go cancels it.
public final class ClientStream: AsyncSequence, Sendable {
    public typealias Element = StreamItem

    /// One item: the head and body of a data frame.
    public struct StreamItem: Sendable {
        public let head: ArraySlice<UInt8>
        public let body: ArraySlice<UInt8>
    }

    let core: StreamCore

    init(_ core: StreamCore) { self.core = core }

    deinit { core.cancel() }

    public struct AsyncIterator: AsyncIteratorProtocol {
        fileprivate let stream: ClientStream

        /// The next item; `nil` after the last one of a stream that ended well.
        ///
        /// - Throws: the `HeadwaterError` that the stream ended with.
        public func next() async throws -> StreamItem? { try await stream.next() }
    }

    public func makeAsyncIterator() -> AsyncIterator { AsyncIterator(stream: self) }

    /// The next item; `nil` after the last one of a stream that ended well.
    public func next() async throws(HeadwaterError) -> StreamItem? {
        let frame: Frame? = try await withTaskCancellationHandler {
            await withCheckedContinuation { core.take($0) }
        } onCancel: {
            core.cancel()
        }.get()
        return frame.map { StreamItem(head: $0.head, body: $0.body) }
    }

    /// The final answer; `nil` until `next` has returned `nil`.
    public var reply: Reply? { core.reply }

    /// Sends one item, once the server has room for it.
    ///
    /// - Throws: `.cancelled`, or what the stream ended with.
    public func send(_ body: ArraySlice<UInt8>, isEnd: Bool = false) async throws(HeadwaterError) {
        try await withTaskCancellationHandler {
            await withCheckedContinuation { core.awaitWindow($0) }
        } onCancel: {
            core.cancel()
        }.get()
        core.send(body, isEnd: isEnd)
    }

    /// Gives the stream up.
    public func cancel() { core.cancel() }
}

/// A stream's state, shared by its user and the event loop.
final class StreamCore: ReplySink {
    typealias FrameResult = Result<Frame?, HeadwaterError>

    private struct State {
        var frames: [Frame] = []
        /// Frames before this one were taken.
        var nextFrame = 0
        var result: Result<Reply, HeadwaterError>?
        var reader: CheckedContinuation<FrameResult, Never>?
        var window: Int
        var writer: CheckedContinuation<Result<Void, HeadwaterError>, Never>?
        /// Bytes taken and not yet given back.
        var takenBytes = 0
    }

    let ticket = ClientTicket()
    private let mailbox: Mailbox<ClientMessage>
    private let creditBytes: Int
    private let state: Mutex<State>

    /// - Parameter window: bytes that the server takes at first, `ourWindow`: what we take.
    init(mailbox: Mailbox<ClientMessage>, window: Int, ourWindow: Int) {
        self.mailbox = mailbox
        creditBytes = max(1, ourWindow / 4)
        state = Mutex(State(window: window))
    }

    var reply: Reply? { state.withLock { if $0.nextFrame == $0.frames.count { try? $0.result?.get() } else { nil } } }

    func take(_ reader: CheckedContinuation<FrameResult, Never>) {
        let (result, credit) = state.withLock { state -> (FrameResult?, Int) in
            guard state.nextFrame < state.frames.count else {
                switch state.result {
                case .success?: return (.success(nil), 0)
                case .failure(let error)?: return (.failure(error), 0)
                case nil:
                    precondition(state.reader == nil, "one task reads a stream")
                    state.reader = reader
                    // Nothing is left: give back all that was taken, so that the server does not wait for us.
                    defer { state.takenBytes = 0 }
                    return (nil, state.takenBytes)
                }
            }
            let frame = state.frames[state.nextFrame]
            state.nextFrame += 1
            if state.nextFrame == state.frames.count { (state.frames, state.nextFrame) = ([], 0) }
            state.takenBytes += frame.header.payloadBytes
            guard state.takenBytes >= creditBytes else { return (.success(frame), 0) }
            defer { state.takenBytes = 0 }
            return (.success(frame), state.takenBytes)
        }
        if credit > 0 { mailbox.post(.consumed(ticket, bytes: credit)) }
        if let result { reader.resume(returning: result) }
    }

    func received(_ frame: Frame) {
        let reader = state.withLock { state -> CheckedContinuation<FrameResult, Never>? in
            defer { state.reader = nil }
            if state.reader == nil { state.frames.append(frame) } else { state.takenBytes += frame.header.payloadBytes }
            return state.reader
        }
        reader?.resume(returning: .success(frame))
    }

    func granted(_ bytes: Int) {
        let writer = state.withLock { state -> CheckedContinuation<Result<Void, HeadwaterError>, Never>? in
            state.window += bytes
            guard state.window > 0 else { return nil }
            defer { state.writer = nil }
            return state.writer
        }
        writer?.resume(returning: .success(()))
    }

    func awaitWindow(_ writer: CheckedContinuation<Result<Void, HeadwaterError>, Never>) {
        let result = state.withLock { state -> Result<Void, HeadwaterError>? in
            switch state.result {
            case .failure(let error)?: return .failure(error)
            case .success?: return .failure(HeadwaterError(.failedPrecondition, "the server has ended the stream"))
            case nil: break
            }
            if state.window > 0 { return .success(()) }
            precondition(state.writer == nil, "one task writes to a stream")
            state.writer = writer
            return nil
        }
        if let result { writer.resume(returning: result) }
    }

    func send(_ body: ArraySlice<UInt8>, isEnd: Bool) {
        state.withLock { $0.window -= body.count }
        mailbox.post(.data(ticket, body, isEnd: isEnd))
    }

    func finish(_ result: Result<Reply, HeadwaterError>) {
        let (reader, writer) = state.withLock { state in
            if state.result == nil { state.result = result }
            defer { (state.reader, state.writer) = (nil, nil) }
            return (state.reader, state.writer)
        }
        switch result {
        case .success:
            reader?.resume(returning: .success(nil))
            writer?.resume(returning: .failure(HeadwaterError(.failedPrecondition, "the server has ended the stream")))
        case .failure(let error):
            reader?.resume(returning: .failure(error))
            writer?.resume(returning: .failure(error))
        }
    }

    func cancel() {
        guard state.withLock({ $0.result == nil }) else { return }
        finish(.failure(HeadwaterError(.cancelled, "the stream was cancelled")))
        ticket.cancel()
        mailbox.post(.cancel(ticket))
    }
}
