import ArgumentParser
import ProcessSupport

struct All: AsyncParsableCommand {
    static let configuration = CommandConfiguration(abstract: "All kinds of faults, one after the other, and one table.")

    @OptionGroup var options: TortureOptions
    @Option(help: "How long, for all together.")
    var minutes = 9.0
    @Option(help: "Cycles of each kind at most.")
    var cycles = Int.max

    func run() async throws {
        Interruption.watch()
        let seconds = minutes * 60
        func budget(_ part: Double) -> Budget { Budget(seconds: seconds * part, cyclesMax: cycles) }
        var all: [Figures] = []
        for isApart in [false, true] { all.append(try await KillRun(options, isApart: isApart).run(budget(0.15))) }
        for interval in [nil, 50] { all.append(try await PowercutRun(options, interval: interval).run(budget(0.15))) }
        all.append(try await FullRun(options).run(budget(0.1)))
        all.append(try await SyscallRun(options).run(budget(0.25)))
        RawSocket.raiseLimit()
        all.append(try await DescriptorRun(options).run(budget(0.05)))
        try options.report(all)
    }
}
