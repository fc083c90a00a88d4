import ArgumentParser
import FeatureModel

/// A position on the command line.
enum PositionArgument {
    /// Reads an option's value.
    ///
    /// - Throws: `ValidationError` that says what a position is.
    static func read(_ text: String) throws -> Position {
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let position = Position(text) else {
            throw ValidationError("write a position: a whole number, as 'headwater write' and 'headwater status' print it")
        }
        return position
    }
}
