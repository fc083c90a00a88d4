import FeatureModel
import Foundation

extension Main {
    /// In a build for the fault harness, plants the fault that `HEADWATER_SABOTAGE` names; every other build refuses to start
    /// with it, so that no harness takes a sound server for a broken one.
    static func plantSabotage() throws {
        guard let name = ProcessInfo.processInfo.environment["HEADWATER_SABOTAGE"], !name.isEmpty else { return }
        guard Sabotage.isPossible else {
            throw HeadwaterError(.failedPrecondition, "HEADWATER_SABOTAGE is set, but this build cannot be sabotaged: unset it")
        }
        guard let fault = Sabotage(rawValue: name) else {
            let names = Sabotage.allCases.map(\.rawValue).joined(separator: ", ")
            throw HeadwaterError(.invalidArgument, "HEADWATER_SABOTAGE: no fault is called '\(name)'; there are: \(names)")
        }
        Sabotage.plant(fault)
        FileHandle.standardError.write(Data("sabotaged: \(fault.rawValue); this server breaks its promises\n".utf8))
    }
}
