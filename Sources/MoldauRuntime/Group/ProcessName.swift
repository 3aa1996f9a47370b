import Foundation

/// The name of a process among those that share an application's tasks: it survives restarts if the process keeps its
/// state.
enum ProcessName {
    private static let file = "process"

    /// Returns the name stored in the state directory, or a new one. Blocks.
    /// - Parameter stateDirectory: nil for state in memory: the name is new each time.
    static func find(in stateDirectory: String?, _ randomness: () -> UInt64) throws -> String {
        let new = String(randomness(), radix: 36)
        guard let stateDirectory else { return new }
        let url = URL(filePath: stateDirectory).appending(path: file)
        if let known = try? String(contentsOf: url, encoding: .utf8), isPossible(known) { return known }
        try Data(new.utf8).write(to: url, options: .atomic)
        return new
    }

    private static func isPossible(_ name: String) -> Bool {
        (1...13).contains(name.utf8.count) && name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber) }
    }
}
