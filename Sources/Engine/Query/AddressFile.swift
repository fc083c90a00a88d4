internal import FeatureModel
public import StorageIO

/// Where a role of a data directory was last said to be served:
/// `DIR/online.address` and `DIR/offline.address`, one address a line.
///
/// A file that a crash left behind names an address where nobody answers; who connects there hears so.
public enum AddressFile {
    public static func path(_ role: String, in directory: String) -> String { StoragePath.join(directory, role + ".address") }

    public static func address(_ role: String, in directory: String, _ storage: any Storage) -> String? {
        guard let bytes = try? storage.readAll(path(role, in: directory)) else { return nil }
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init)
    }

    /// Where either role is served.
    public static func firstAddress(in directory: String, _ storage: any Storage) -> String? {
        address("online", in: directory, storage) ?? address("offline", in: directory, storage)
    }
}
