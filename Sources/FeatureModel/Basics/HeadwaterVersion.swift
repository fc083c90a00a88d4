/// The version that `--version`, Hello, status and clients tell.
public enum HeadwaterVersion {
    public static let current = "0.1.0"
}
