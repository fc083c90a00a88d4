import Testing

/// Whole processes on Unix sockets. One test at a time: each fills the machine by itself.
@Suite(.serialized)
enum SystemSuite {}
