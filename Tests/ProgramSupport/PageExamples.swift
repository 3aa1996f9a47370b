import Foundation

/// The examples of a page of Docs that cannot be compiled as they stand: a test file has their lines in functions.
public struct PageExamples {
    /// The lines of the page's examples.
    public let lines: [String]
    /// The lines of the test file.
    public let compiled: Set<String>

    /// - Parameters:
    ///   - page: the page's file name.
    ///   - mark: the word after `swift` where such an example begins.
    ///   - file: the test file.
    public init(page: String, marked mark: String, compiledIn file: String = #filePath) throws {
        func lines(_ url: URL) throws -> [String] {
            try String(contentsOf: url, encoding: .utf8).split(separator: "\n").map {
                $0.trimmingCharacters(in: .whitespaces)
            }
        }
        compiled = Set(try lines(URL(filePath: file)))
        var isInside = false
        var found: [String] = []
        for line in try lines(BuiltProgram.repository.appending(path: "Docs/\(page)")) {
            if line.hasPrefix("```") {
                isInside = line == "```swift \(mark)"
            } else if isInside {
                found.append(line)
            }
        }
        self.lines = found
    }
}
