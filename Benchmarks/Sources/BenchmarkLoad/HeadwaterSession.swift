public import FeatureModel
internal import Wire

/// One connection to a Headwater server, with a producer session: as a client writes, so that each write is applied once.
public final class HeadwaterSession: LoadSession {
    let socket: StreamSocket
    private var connection = Connection(.client)
    private let project: String
    private var producer = OpenProducerReply()
    private var sequence: UInt64 = 0
    private var answers: [Frame] = []
    private let bodies: [[UInt8]]
    private var nextBody: Int
    /// What a request that is sent past this session must have as its id.
    private(set) var nextRequestID: UInt64 = 2
    /// Position of the last write that was acknowledged.
    public private(set) var lastPosition: Position = 0

    /// Connects, and opens a producer session where there are bodies to write.
    ///
    /// - Parameter start: the first of `bodies` to send; then they follow in turn.
    public init(socketPath: String, project: String, bodies: [[UInt8]] = [], start: Int = 0) throws(HeadwaterError) {
        socket = try StreamSocket(connectingTo: socketPath)
        self.project = project
        self.bodies = bodies
        nextBody = start
        try send(connection.hello(HelloRequest.with { $0.project = project }))
        while !connection.isOpen { try takeEvents() }
        guard !bodies.isEmpty else { return }
        producer = try OpenProducerReply(decoding: call(.openProducer, OpenProducerRequest.with { $0.project = project }).head)
    }

    public var descriptor: Int32 { socket.descriptor }

    /// Sends the next writes.
    public func sendNext(_ count: Int) throws(HeadwaterError) {
        var together: [UInt8] = []
        for _ in 0..<count {
            sequence += 1
            let head = WriteRequest.with {
                $0.project = project
                $0.producer = producer.producer
                $0.epoch = producer.epoch
                $0.sequence = sequence
            }
            let frame = try connection.request(.write, head: head.encode(), body: bodies[nextBody][...])
            if count == 1 { try send(frame) } else { together += frame.bytes }
            nextBody = (nextBody + 1) % bodies.count
        }
        if !together.isEmpty { try socket.send(together[...]) }
    }

    /// Takes what has come: answers to how many requests.
    public func receive() throws(HeadwaterError) -> Int {
        try takeEvents()
        defer { answers.removeAll(keepingCapacity: true) }
        for answer in answers {
            if let error = answer.error { throw error }
            lastPosition = try WriteReply(decoding: answer.head).position
        }
        return answers.count
    }

    /// Sends one request of its own and waits for its answer.
    func call(_ method: Method, _ head: some Head, body: ArraySlice<UInt8> = []) throws(HeadwaterError) -> Frame {
        try start(method, head, body: body)
        return try finish()
    }

    /// Sends one request of its own.
    func start(_ method: Method, _ head: some Head, body: ArraySlice<UInt8> = []) throws(HeadwaterError) {
        let frame = try connection.request(method, head: head.encode(), body: body)
        nextRequestID = frame.header.requestID + 1
        try send(frame)
    }

    /// Waits for the answer to the oldest request that was started.
    func finish() throws(HeadwaterError) -> Frame {
        while answers.isEmpty { try takeEvents() }
        let answer = answers.removeFirst()
        if let error = answer.error { throw error }
        return answer
    }

    private func send(_ frame: EncodedFrame) throws(HeadwaterError) {
        // One call of the system for what is small; large bodies are not copied for it.
        if frame.body.count < 64 << 10 { return try socket.send(frame.bytes[...]) }
        try socket.send(frame.prefix[...])
        try socket.send(frame.body)
    }

    private func takeEvents() throws(HeadwaterError) {
        connection.receive(ArraySlice(Array(try socket.receive())))
        while let event = connection.nextEvent() {
            switch event {
            case .answered(let frame): answers.append(frame)
            case .failed(let error): throw error
            case .send(let frame): try send(frame)
            default: break
            }
        }
    }
}
