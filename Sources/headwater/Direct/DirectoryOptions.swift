import ArgumentParser

/// `--data`: reading a store without a server.
struct DirectoryOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Read this data directory without a server, under a shared lock and without changing it.", valueName: "dir"))
    var data: String?
}
