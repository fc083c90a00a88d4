import ArgumentParser
import FeatureModel
import Foundation
import Logging
import Server
import ServiceLifecycle
import UnixSignals

/// The part of a server process that reads the configuration file again at SIGHUP: what can change takes effect at once, of the
/// rest it says that it needs a restart, and where something is wrong everything stays as it is.
struct Reloading: Service, CustomStringConvertible {
    /// Of this process alone: the level is not the server's, which logs what it is to log.
    private static let levelOption = "log-level"

    /// The options that a reload can change.
    static let liveOptions = Set(LiveOption.all.map(\.name) + [levelOption])

    /// What holds in this process.
    struct Running {
        let settings: ServerSettings
        let configuration: ServerConfiguration
        let level: Logger.Level

        init(_ command: any ServerCommand, _ settings: ServerSettings) {
            self.settings = settings
            configuration = command.serverConfiguration()
            level = command.server.logLevel.level
        }

        /// What holds after a reload: what cannot change is told anew at the next one.
        init(_ old: Running, takingFrom new: Running) {
            settings = old.settings.taking(new.settings, of: Reloading.liveOptions)
            configuration = new.configuration
            level = new.level
        }
    }

    let running: Running
    let server: HeadwaterServer
    let level: ServerLog.Level
    let logger: Logger

    /// As the log calls it at level debug.
    var description: String { "Reloading" }

    func run() async {
        var running = running
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            guard let file = running.settings.file else {
                logger.notice("SIGHUP is ignored: the server was started without a configuration file")
                continue
            }
            do {
                running = try reload(running, file.path)
            } catch {
                let text = (error as? HeadwaterError).map(Failure.message) ?? Headwater.message(for: error)
                for line in text.split(whereSeparator: \.isNewline) {
                    logger.error(
                        "the configuration file has an error: everything stays as it is", metadata: ["error": "\(line)"])
                }
            }
        }
    }

    private func reload(_ old: Running, _ path: String) throws -> Running {
        try Self.checkReadable(path)
        let settings = try ServerSettings(old.settings.line)
        let new = Running(try settings.line.role.command.parse(settings.optionArguments), settings)
        // What changes is said at the more talkative of both levels.
        level.value = min(old.level, new.level)
        var changeCount = 0
        for (before, after) in zip(old.settings.settings, new.settings.settings) {
            let name = after.option.name
            let live = LiveOption.all.first { $0.name == name }
            let differs =
                live?.differs(old.configuration, new.configuration)
                ?? (name == Self.levelOption ? old.level != new.level : before.text != after.text)
            guard differs else { continue }
            changeCount += 1
            let fields: Logger.Metadata = ["option": "\(name)", "old": "\(before.text)", "new": "\(after.text)"]
            if Self.liveOptions.contains(name) {
                logger.notice("an option has changed", metadata: fields)
            } else {
                logger.warning("a change needs a restart: the old value stays", metadata: fields)
            }
        }
        if changeCount == 0 { logger.notice("nothing has changed in the configuration", metadata: ["file": "\(path)"]) }
        server.change(to: new.configuration)
        level.value = new.level
        return Running(old, takingFrom: new)
    }

    /// - Throws: for a pipe, which gave what it had at the start: read again it would say nothing, or never end.
    private static func checkReadable(_ path: String) throws(HeadwaterError) {
        guard FileManager.default.fileExists(atPath: path) else { return }
        let resolved = URL(fileURLWithPath: path).resolvingSymlinksInPath().path
        let type = (try? FileManager.default.attributesOfItem(atPath: resolved))?[.type] as? FileAttributeType
        guard type == .typeRegular || type == .typeDirectory else {
            throw HeadwaterError(.failedPrecondition, "it is no file that can be read again: start the server anew", at: path)
        }
    }
}
