internal import CLinux

/// Starts threads of this process's own.
enum OwnThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Runs `body` on a new thread, which ends with it.
    ///
    /// - Returns: `false`, and `body` does not run, where the system has no room for a thread.
    static func start(name: String, stackBytes: Int, _ body: @escaping @Sendable () -> Void) -> Bool {
        // The thread takes what is retained here; where there is none, we do.
        let named: @Sendable () -> Void = {
            unsafe linux_name_thread(name)
            body()
        }
        let context = unsafe Unmanaged.passRetained(Body(named)).toOpaque()
        let isStarted =
            unsafe linux_start_thread(
                UInt(stackBytes),
                { context in
                    unsafe Unmanaged<Body>.fromOpaque(context!).takeRetainedValue().run()
                }, context) == 0
        if !isStarted { unsafe Unmanaged<Body>.fromOpaque(context).release() }
        return isStarted
    }
}
