import Foundation
import ProcessSupport
import Testing

extension SystemSuite {
    /// Clients that nobody here wrote, and limits that leave little: short runs of what `torture descriptors` does for long.
    @Suite(.serialized)
    struct HostileTests {
        @Test func signalsThatMeanOthersDoNotEndAServer() throws {
            let place = try Place()
            let server = try place.start("serve")
            for signal in [SIGHUP, SIGUSR1, SIGUSR2] { server.send(signal) }
            _ = try place.lastPosition()
            #expect(server.isRunning)
            server.send(SIGTERM)
            #expect(server.wait(seconds: 30) == .exit(0))
        }

        @Test(arguments: [12, 20, 40, 64, 90])
        func withTooFewDescriptorsAServerSaysSoAndDoesNotStart(limit: Int) throws {
            let place = try Place()
            let server = try place.spawn(
                [
                    "-c", "ulimit -n \(limit) && exec \"$0\" \"$@\"", Place.binary, "serve", "--data", "store", "--listen",
                    place.address("s.sock"),
                ],
                of: "/bin/sh")
            #expect(server.wait(seconds: 30) == .exit(1))
            #expect(server.errors.contains("at most \(limit) files may be open in this process"))
            #expect(server.errors.contains("ulimit -n"))
            let client = try place.spawn(["-c", "ulimit -n \(limit) && exec \"$0\" status", Place.binary], of: "/bin/sh")
            // With enough of them to look, it finds no server.
            let ending = client.wait(seconds: 30)
            #expect(ending == .exit(1) || ending == .exit(2) || ending == .exit(4))
            #expect(!client.errors.isEmpty)
        }

        @Test func aServerRaisesItsSoftLimitAndSaysWhereFewerConnectionsAreTaken() throws {
            let place = try Place()
            func start(_ limits: String, _ socket: String) throws -> Child {
                let server = try place.spawn(
                    [
                        "-c", "\(limits) && exec \"$0\" \"$@\"", Place.binary, "serve", "--data", socket + ".store", "--listen",
                        place.address(socket),
                    ], of: "/bin/sh")
                try place.waitUntilReady(server)
                return server
            }
            let raised = try start("ulimit -Sn 30 && ulimit -Hn 4000", "a.sock")
            #expect(!raised.errors.contains("fewer connections"))
            let few = try start("ulimit -n 300", "b.sock")
            #expect(few.errors.contains("the limit of open files allows fewer connections than usual"))
        }

        @Test func anIdleServerSleeps() throws {
            let place = try Place()
            let server = try place.start("serve")
            _ = try place.lastPosition()
            // The command before has gone, and threads that were made for it.
            Thread.sleep(forTimeInterval: 12)
            let before = try Wakes(server.pid)
            Thread.sleep(forTimeInterval: 5)
            let after = try Wakes(server.pid)
            #expect(after.count - before.count < 20 * 5, "\(after.count - before.count) wake-ups in 5 s")
            #expect(after.seconds - before.seconds < 0.1)
            #expect(after.threads < 30, "\(after.threads) threads")
        }

        @Test func withTooLittleAddressSpaceAServerSaysSo() throws {
            let place = try Place()
            for kibibytes in [600_000, 1_200_000] {
                let server = try place.spawn(
                    [
                        "-c", "ulimit -v \(kibibytes) && exec \"$0\" \"$@\"", Place.binary, "serve", "--data", "store",
                        "--listen",
                        place.address("s.sock"),
                    ], of: "/bin/sh")
                _ = poll(seconds: 20) { !server.isRunning || server.errors.contains("ready") }
                if server.isRunning {
                    server.send(SIGTERM)
                    #expect(server.wait(seconds: 30) == .exit(0), "\(kibibytes): \(server.errors)")
                } else {
                    #expect(server.wait(seconds: 1) == .exit(1), "\(kibibytes): \(server.errors)")
                    #expect(server.errors.contains("address space"))
                }
            }
        }

        /// How often threads of a process were woken, and what they have used.
        private struct Wakes {
            var count = 0
            var threads = 0
            /// Of processor time, counted in hundredths.
            var seconds = 0.0

            init(_ pid: pid_t) throws {
                for thread in try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/task") {
                    let status = (try? String(contentsOfFile: "/proc/\(pid)/task/\(thread)/status", encoding: .utf8)) ?? ""
                    let line = status.split(separator: "\n").first { $0.hasPrefix("voluntary_ctxt_switches:") }
                    count += line.flatMap { Int($0.split(separator: "\t").last ?? "") } ?? 0
                    threads += 1
                }
                let stat = try String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8).split(separator: ")").last ?? ""
                let fields = stat.split(separator: " ")
                seconds = fields[11...12].reduce(0) { $0 + (Double($1) ?? 0) } / 100
            }
        }

        @Test func noServerDiesOfTooFewDescriptors() throws {
            let place = try Place()
            let torture = URL(fileURLWithPath: Place.binary).deletingLastPathComponent().appendingPathComponent("torture").path
            let child = try place.spawn(["descriptors", "--binary", Place.binary, "--tries", "12", "--seed", "23"], of: torture)
            #expect(child.wait(seconds: 200) == .exit(0), "\(child.output) \(child.errors)")
            #expect(child.output.contains("no promise was broken"))
        }

        @Test func othersComeThroughBesideUnreadScansAndMemoryGoesBack() throws {
            let place = try Place()
            let torture = URL(fileURLWithPath: Place.binary).deletingLastPathComponent().appendingPathComponent("torture").path
            let child = try place.spawn(
                [
                    "hostile", "--binary", Place.binary, "--attack", "scans", "--seconds", "2", "--lenient", "--seed", "7",
                ], of: torture)
            #expect(child.wait(seconds: 120) == .exit(0), "\(child.output) \(child.errors)")
            #expect(child.output.contains("no promise was broken"))
        }
    }
}
