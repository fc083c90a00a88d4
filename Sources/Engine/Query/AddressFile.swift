internal import FeatureModel
public import StorageIO

/// The addresses at which a role of a data directory is served:
/// `DIR/online.address` and `DIR/offline.address`, one address a line;
/// behind them the URLs of other doors, such as `http://127.0.0.1:7072`.
///
/// A file that a crash left behind names an address where nobody answers, and connecting to it fails.
public enum AddressFile {
    public static func path(_ role: String, in directory: String) -> String { StoragePath.join(directory, role + ".address") }

    public static func address(_ role: String, in directory: String, _ storage: any Storage) -> String? {
        guard let bytes = try? storage.readAll(path(role, in: directory)) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
    }

    /// The address of a role's HTTP listener, as a URL; `nil` where it has none.
    public static func httpAddress(_ role: String, in directory: String, _ storage: any Storage) -> String? {
        guard let bytes = try? storage.readAll(path(role, in: directory)) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("http://") }.map(String.init)
    }

    /// The first address of the online service, or of the offline service where the other has none.
    public static func firstAddress(in directory: String, _ storage: any Storage) -> String? {
        address("online", in: directory, storage) ?? address("offline", in: directory, storage)
    }
}
