internal import FeatureModel
internal import Wire

extension ServerConnection {
    func perform(_ event: ConnectionEvent) {
        switch event {
        case .hello(let hello, _): greet(hello)
        case .request(let frame, let method): start(frame, method)
        case .data(let frame):
            requests.received(frame.header)?.receive(frame)
            refuseDataWhereMemoryIsShort(frame.header.requestID)
        case .cancelled(let id):
            requests.exchange(id)?.cancel()
            requests.inbound(id)?.close()
        case .credit(let id, let bytes): requests.exchange(id)?.grant(bytes)
        case .send(let frame): output.append(frame)
        case .failed(let error): closeFailed(error)
        case .pong, .helloDone, .answered, .goAway: break
        }
    }
}
