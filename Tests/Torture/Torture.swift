import ArgumentParser

@main
struct Torture: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "torture",
        abstract:
            "Breaks real processes and real disks while clients write, and checks every promise against what the clients saw.",
        subcommands: [
            All.self, Kill.self, Powercut.self, Full.self, Syscalls.self, Descriptors.self, Hostile.self, ClientProcess.self,
            AttackProcess.self,
        ])
}
