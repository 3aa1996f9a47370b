import Foundation

/// The directory of topics and state: the given one, or a temporary one.
public struct WorkingDirectory {
    private let path: String
    public let isTemporary: Bool
    /// Whether an earlier run left something here.
    public let isRestart: Bool

    public var topics: String { "\(path)/topics" }
    public var state: String { "\(path)/state" }

    /// - Parameter program: the beginning of a temporary directory's name.
    public init(_ given: String?, of program: String) throws {
        path = given ?? FileManager.default.temporaryDirectory.appending(path: "\(program)-\(UUID().uuidString)").path
        isTemporary = given == nil
        isRestart = FileManager.default.fileExists(atPath: "\(path)/topics/topics.json")
        try makeDirectory(topics)
    }

    public func removeIfTemporary() {
        if isTemporary { try? FileManager.default.removeItem(atPath: path) }
    }
}
