import Foundation

/// Signals that end a process which does not know them, although nobody wants a server to end by them.
enum ServerSignals {
    /// Lets a server go on where its terminal closes (SIGHUP; `Reloading` reads the configuration again then), and where a tool
    /// that means another program sends SIGUSR1 or SIGUSR2. It ends by SIGTERM and Ctrl-C, after running requests.
    static func prepare() {
        for number in [SIGHUP, SIGUSR1, SIGUSR2] { signal(number, SIG_IGN) }
    }
}
