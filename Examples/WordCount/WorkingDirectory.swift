import Foundation

/// Where topics and state lie: the directory that was given, or a temporary one.
struct WorkingDirectory {
    private let path: String
    private let isTemporary: Bool
    /// Whether an earlier run left something here.
    let isRestart: Bool

    var topics: String { "\(path)/topics" }
    var state: String { "\(path)/state" }

    init(_ given: String?) throws {
        path = given ?? FileManager.default.temporaryDirectory.appending(path: "word-count-\(UUID().uuidString)").path
        isTemporary = given == nil
        isRestart = FileManager.default.fileExists(atPath: "\(path)/topics/topics.json")
        try FileManager.default.createDirectory(atPath: topics, withIntermediateDirectories: true)
    }

    func removeIfTemporary() {
        if isTemporary { try? FileManager.default.removeItem(atPath: path) }
    }
}
