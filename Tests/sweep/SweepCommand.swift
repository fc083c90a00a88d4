import ArgumentParser

@main struct SweepCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sweep",
        abstract:
            "Damage every byte and fail every I/O call of a small life, and compare what is left with what clients were told; read vectors while they are written.",
        subcommands: [Damage.self, Faults.self, Vectors.self, Golden.self])
}
