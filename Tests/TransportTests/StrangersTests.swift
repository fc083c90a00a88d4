import FeatureModel
import NIOCore
import NIOPosix
import Testing
import Wire

@testable import Transport

/// Addresses where something else than a Headwater server answers.
@Suite(.timeLimit(.minutes(1))) struct StrangersTests {
    /// Says something at once, or when a line has come, or nothing; or closes.
    private final class Stranger: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        enum Habit: Sendable {
            case says([UInt8])
            case answersALine([UInt8])
            case closes
            case isSilent
        }
        private let habit: Habit

        init(_ habit: Habit) { self.habit = habit }

        func channelActive(context: ChannelHandlerContext) {
            switch habit {
            case .says(let bytes): context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
            case .closes: context.close(promise: nil)
            default: break
            }
        }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            guard case .answersALine(let bytes) = habit, unwrapInboundIn(data).readableBytesView.contains(10) else { return }
            context.writeAndFlush(NIOAny(ByteBuffer(bytes: bytes)), promise: nil)
        }
    }

    private func refusal(of habit: Stranger.Habit, timeout: Duration = .seconds(10)) async throws -> HeadwaterError? {
        let server = try await ServerBootstrap(group: NIOSingletons.posixEventLoopGroup)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(Stranger(habit)) }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        var options = ClientOptions()
        options.connectTimeout = timeout
        var refusal: HeadwaterError?
        do throws(HeadwaterError) {
            _ = try await ClientTransport.connect(
                to: .tcp(host: "127.0.0.1", port: server.localAddress!.port!), options: options)
        } catch { refusal = error }
        try await server.close()
        return refusal
    }

    @Test(arguments: [
        ("HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n", "'HTTP/1.1 400 Bad Request', which is HTTP"),
        ("-ERR unknown command\r\n", "'-ERR unknown command', which is Redis"), ("?\n", "'?'"),
    ])
    func aServerOfLinesIsToldByWhatItAnswers(answer: String, told: String) async throws {
        let error = try await refusal(of: .answersALine(Array(answer.utf8)))
        #expect(error?.code == .invalidArgument)
        #expect(error?.message.contains("is not a Headwater server: it answers \(told); name another address") == true)
    }

    @Test func aBannerAndBytesOfNoTextAreTold() async throws {
        let ssh = try await refusal(of: .says(Array("SSH-2.0-OpenSSH_9.6\r\n".utf8)))
        #expect(ssh?.message.contains("it answers 'SSH-2.0-OpenSSH_9.6', which is SSH") == true)
        let other = try await refusal(of: .says([0x15, 3, 1, 0, 2, 2]))
        #expect(other?.message.contains("it answers 6 bytes of another protocol") == true)
    }

    @Test func aPortThatClosesIsToldAtOnceAndASilentOneWhenTimeIsUp() async throws {
        let closing = try await refusal(of: .closes)
        #expect(closing?.code == .unavailable)
        #expect(closing?.message.contains("closed the connection before it answered: it is not a Headwater server") == true)
        let silent = try await refusal(of: .isSilent, timeout: .milliseconds(200))
        #expect(silent?.code == .unavailable)
        #expect(silent?.message.contains("did not answer within 0.2 seconds: it is not a Headwater server") == true)
    }
}
