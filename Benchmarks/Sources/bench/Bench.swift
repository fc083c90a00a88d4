import ArgumentParser

@main
struct Bench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench", abstract: "Headwater beside its peers: medians of alternating rounds, ratios, bars.",
        subcommands: [Writes.self, Online.self, Lookup.self, Offline.self, OfflineHeadwater.self, OfflineClient.self])
}
