/// The answer to a browser, or any other client that speaks HTTP: a line of text instead of silence.
enum HTTPAnswer {
    private static let text = """
        This is a Headwater server. It speaks a protocol of its own, not HTTP: use the command 'headwater', or hw.connect(...) in Python.

        """

    static let bytes = Array(
        ("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(text.utf8.count)\r\n"
            + "Connection: close\r\n\r\n\(text)").utf8)
}
