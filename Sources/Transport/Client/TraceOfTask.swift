public import Wire

extension TraceContext {
    /// The trace that requests of this task belong to; `nil` where they belong to none.
    @TaskLocal public static var ofTask: TraceContext?
}
