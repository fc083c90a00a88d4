import FeatureModel
import Foundation
import Synchronization
import Testing
import Wire

@testable import Transport

@Suite(.timeLimit(.minutes(1))) struct RoundTripTests {
    @Test func aThousandPipelinedRequestsGetTheirOwnAnswers() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            #expect(client.hello.serverVersion == "test")
            try await withThrowingTaskGroup(of: Bool.self) { group in
                for number in 0..<1_000 {
                    group.addTask {
                        let body = Array("body \(number)".utf8)
                        let method: Wire.Method = number % 2 == 0 ? .prepare : .write
                        let reply = try await client.call(
                            method, head: [UInt8(number % 251)], body: body[...], deadline: .seconds(20))
                        return reply.body.elementsEqual(body) && reply.head.elementsEqual([UInt8(number % 251)])
                    }
                }
                for try await isRight in group { #expect(isRight) }
            }
            await client.close()
        }
    }

    @Test func bigBodiesAndUnixSocketsWork() async throws {
        let path = "/tmp/headwater-\(ProcessInfo.processInfo.processIdentifier)-a.sock"
        try await withServer(.unix(path: path)) { server in
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            let client = try await ClientTransport.connect(to: server.endpoint)
            let body = [UInt8](repeating: 0xA5, count: 20 << 20)
            #expect(try await client.call(.write, head: [], body: body[...]).body.elementsEqual(body))
            // The limit of the server is known before anything is sent.
            let tooLarge = [UInt8](repeating: 0, count: 64 << 20)
            let error = await #expect(throws: HeadwaterError.self) {
                try await client.call(.write, head: [], body: tooLarge[...])
            }
            #expect(error?.code == .resourceExhausted)
            await client.close()
        }
        #expect(!FileManager.default.fileExists(atPath: path))
    }

    @Test func aSocketFileIsReplacedOnlyWhereNobodyListens() async throws {
        let path = "/tmp/headwater-\(ProcessInfo.processInfo.processIdentifier)-b.sock"
        try await withServer(.unix(path: path)) { server in
            let error = await #expect(throws: HeadwaterError.self) {
                _ = try await ServerTransport.start(endpoints: [.unix(path: path)], handler: EchoHandler())
            }
            #expect(error?.code == .alreadyExists)
            // The first server still answers.
            let client = try await ClientTransport.connect(to: server.endpoint)
            _ = try await client.call(.prepare, head: [])
            await client.close()
        }
    }

    @Test func otherMachinesAreLetInOnlyOnRequest() async throws {
        let everywhere = Endpoint.tcp(host: "0.0.0.0", port: 0)
        let error = await #expect(throws: HeadwaterError.self) {
            _ = try await ServerTransport.start(endpoints: [everywhere], handler: EchoHandler())
        }
        #expect(error?.code == .failedPrecondition && error?.message.contains("--insecure") == true)
        var options = ServerOptions()
        options.allowInsecure = true
        try await withServer(everywhere, options) { _ in }
    }

    @Test func aRefusedHelloAndAnAbsentServerSayWhy() async throws {
        try await withServer { server in
            let refused = await #expect(throws: HeadwaterError.self) {
                _ = try await ClientTransport.connect(to: server.endpoint, hello: .with { $0.token = [0] })
            }
            #expect(refused == HeadwaterError(.unauthenticated, "bad token"))
        }
        let absent = await #expect(throws: HeadwaterError.self) {
            _ = try await ClientTransport.connect(to: .tcp(host: "127.0.0.1", port: 1))
        }
        #expect(absent?.code == .unavailable)
    }

    @Test func aHandlerThatForgetsToAnswerAnswersInternal() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let error = await #expect(throws: HeadwaterError.self) { try await client.call(.describe, head: []) }
            #expect(error?.code == .internal)
            await client.close()
        }
    }

    @Test func historyEchoesASpineLargerThanItsWindow() async throws {
        try await withServer { server in
            let client = try await ClientTransport.connect(to: server.endpoint)
            let stream = client.stream(.history, head: HistoryRequest(), isEnd: false)
            let writer = Task {
                for number in 0..<200 {
                    try await stream.send([UInt8](repeating: UInt8(number), count: 100_000)[...], isEnd: number == 199)
                }
            }
            var count = 0
            while let item = try await stream.next() {
                #expect(item.body.first == UInt8(count) && item.body.count == 100_000)
                count += 1
            }
            try await writer.value
            #expect(count == 200)
            let end: RowsEnd? = try stream.reply?.decode()
            #expect(end?.rows == 200)
            await client.close()
        }
    }
}
