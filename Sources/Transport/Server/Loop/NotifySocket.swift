internal import CLinux
internal import Glibc

/// The datagram socket on which a service manager, such as systemd, hears of the process that it started: sd_notify(3).
package struct NotifySocket: Sendable {
    private let name: String

    /// - Parameter name: a path, or behind `@` a name that is no file.
    package init(name: String) { self.name = name }

    /// Takes it out of the environment, so that no child of this process speaks for it. Called before there are threads that
    /// read the environment.
    ///
    /// - Returns: `nil` where no manager listens.
    package static func taken() -> NotifySocket? {
        guard let value = unsafe getenv("NOTIFY_SOCKET") else { return nil }
        let name = unsafe String(cString: value)
        unsafe unsetenv("NOTIFY_SOCKET")
        return name.hasPrefix("/") || name.hasPrefix("@") ? NotifySocket(name: name) : nil
    }

    /// Sends one datagram: assignments, one a line.
    ///
    /// - Returns: 0, or the system's error number.
    package func send(_ text: String) -> Int32 { unsafe linux_send_datagram(name, text, UInt(text.utf8.count)) }
}
