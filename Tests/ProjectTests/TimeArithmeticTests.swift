import Foundation
import ProgramSupport
import Testing

/// Times come from outside and may have any value, spans come from settings: `+`, `-` and `*` of their milliseconds
/// could trap.
struct TimeArithmeticTests {
    private static let targets = ["Moldau", "MoldauTopology", "MoldauState", "MoldauRuntime"]

    /// Whether a line of Swift computes with milliseconds by operators that trap or wrap around.
    private func isRaw(_ line: Substring) -> Bool {
        guard line.contains("ms") || line.contains("Ms") || line.contains("Time") else { return false }
        let code = line.split(separator: "//", omittingEmptySubsequences: false).first ?? ""
        let before = #/(\.ms|Ms|\bstreamTime|\bcloseTime)\)?\s+&?[-+*]\s/#
        let after = #/\s&?[-+*]\s+[A-Za-z_.($]*(\.ms|Ms|\bstreamTime|\bcloseTime)\b/#
        return code.contains(before) || code.contains(after)
    }

    @Test func `milliseconds are added and subtracted with saturating arithmetic`() throws {
        for target in Self.targets {
            let folder = BuiltProgram.repository.appending(path: "Sources/\(target)")
            let files = try #require(FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil))
            for case let file as URL in files where file.pathExtension == "swift" {
                let lines = try String(contentsOf: file, encoding: .utf8).split(
                    separator: "\n", omittingEmptySubsequences: false)
                for (index, line) in lines.enumerated() where isRaw(line) {
                    // The quotient of a time and a span, times that span, is never beyond the time.
                    if line.contains(#/\/ (\w+Ms) \* \1/#) { continue }
                    Issue.record(
                        """
                        \(target)/\(file.lastPathComponent):\(index + 1): use adding(ms:), subtracting(ms:), addingCapped, \
                        subtractingCapped, multipliedCapped, or + and - of Timestamp and Duration: \(line)
                        """)
                }
            }
        }
    }

    @Test(arguments: [
        ("let end = start.ms + sizeMs", true), ("if now.ms - began.ms > 5 {", true), ("a = graceMs * 2", true),
        ("let due = streamTime - waitMs", true), ("x = b &+ time.ms", true),
        ("let end = time.adding(ms: sizeMs)", false),
        ("let half = periodMs / 2", false), ("// start.ms + 1", false), ("return now - age", false),
    ])
    func `unchecked time arithmetic is found`(line: String, isFound: Bool) { #expect(isRaw(line[...]) == isFound) }
}
